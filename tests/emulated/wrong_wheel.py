"""`python wrong_wheel.py INVENTORY BOARD`: asks provisioning for a torch that an old CPU cannot run; answers as JSON.

`refused`: what the plan says of it. `failed`: what the board says of it, where /proc/cpuinfo has told the plan nothing.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace

from harness.connect import connect
from harness.errors import BoardError
from harness.images import Wheel
from harness.lab.enter import enter_lab
from harness.load import load_inventory
from harness.load.image import load_image
from harness.provision.apply import apply
from harness.provision.plan import plan
from harness.provision.survey import survey
from harness.wheels import Cache
from harness.wheels.cache import default_folder

TORCH = Wheel(
    file="torch-2.10.0-cp311-cp311-manylinux_2_28_aarch64.whl",
    sha256="3282d9febd1e4e476630a099692b44fdc214ee9bf8ee5377732d9d9dfe5712e4",
)


def main() -> None:
    (spec,) = load_inventory(sys.argv[1]).select(sys.argv[2])
    usual = load_image(spec.image)
    wheels = tuple(TORCH if wheel.name == "torch" else wheel for wheel in usual.wheels if "cp313" not in wheel.file)
    image = replace(usual, wheels=wheels)
    cache = Cache(default_folder())
    enter_lab([spec])
    connection = connect(spec)
    found = survey(connection, spec, image)
    connection.close()
    refused = plan(spec, image, found).refusals
    failed = ""
    try:
        apply(plan(spec, image, replace(found, cpu=None)), spec, connect, cache, lambda step: None)
    except BoardError as error:
        failed = f"{error.message}\n{error.remedy}"
    print(json.dumps({"refused": refused, "failed": failed}))


if __name__ == "__main__":
    main()
