"""What can be named in a study: plain dicts from a name to where it is built. Importing this loads no torch."""

import difflib
import importlib
from typing import Any, Dict

from fl_core.errors import UnknownName

METHODS = {
    "allsmall": "fl_core.methods.allsmall:METHOD",
    "depthfl": "fl_core.methods.depthfl:METHOD",
    "exclusivefl": "fl_core.methods.exclusivefl:METHOD",
    "fedavg": "fl_core.methods.fedavg:METHOD",
    "fedhybrid": "fl_core.methods.fedhybrid:METHOD",
    "fedprox": "fl_core.methods.fedprox:METHOD",
    "fedrolex": "fl_core.methods.fedrolex:METHOD",
    "freeze": "fl_core.methods.freeze:METHOD",
    "heterofl": "fl_core.methods.heterofl:METHOD",
    "neulite": "fl_core.methods.neulite:METHOD",
    "profl": "fl_core.methods.profl:METHOD",
    "recompute": "fl_core.methods.recompute:METHOD",
    "smartfreeze": "fl_core.methods.smartfreeze:METHOD",
    "smartsplit": "fl_core.methods.smartsplit:METHOD",
    "split": "fl_core.methods.split:METHOD",
    "split-ushaped": "fl_core.methods.split_ushaped:METHOD",
    "split-vanilla": "fl_core.methods.split_vanilla:METHOD",
    "splitfed-v2": "fl_core.methods.splitfed_v2:METHOD",
    "tifl": "fl_core.methods.tifl:METHOD",
}

MODELS = {
    "cnn": "fl_core.models.cnn:cnn",
    "mobilenetv2": "fl_core.models.mobilenet:mobilenetv2",
    "resnet10": "fl_core.models.resnet:resnet10",
    "resnet152": "fl_core.models.resnet:resnet152",
    "resnet18": "fl_core.models.resnet:resnet18",
    "resnet18-eighth": "fl_core.models.resnet:resnet18_eighth",
    "resnet34": "fl_core.models.resnet:resnet34",
    "resnet50": "fl_core.models.resnet:resnet50",
    "squeezenet": "fl_core.models.squeezenet:squeezenet",
    "vgg11-bn": "fl_core.models.vgg:vgg11_bn",
    "vgg16-bn": "fl_core.models.vgg:vgg16_bn",
    "vit": "fl_core.models.vit:vit",
}

DATASETS = {
    "cifar10": "fl_core.data.cifar:cifar10",
    "cifar100": "fl_core.data.cifar:cifar100",
    "digits": "fl_core.data.digits:digits",
    "fashion-mnist": "fl_core.data.idx:fashion_mnist",
    "synthetic-cifar": "fl_core.data.synthetic:synthetic_cifar",
}


def resolve(kind: str, table: Dict[str, str], name: str) -> Any:
    """The object behind a name; an unknown one lists the known and offers the nearest.

    `module:ATTRIBUTE` is as good as a name: it is how a method from outside the tree is told.
    """
    if name not in table and ":" not in name:
        close = difflib.get_close_matches(name, table, n=1)
        hint = " (did you mean {!r}?)".format(close[0]) if close else ""
        raise UnknownName("unknown {} {!r}{}; known: {}".format(kind, name, hint, ", ".join(sorted(table))))
    module, _, attribute = table.get(name, name).partition(":")
    return getattr(importlib.import_module(module), attribute)
