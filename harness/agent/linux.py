"""What the kernel offers beyond the standard library: prctl, OOM preference, who descends from whom."""

import os
import signal
from typing import Any, Dict, List, Set

try:
    import ctypes

    _prctl: Any = ctypes.CDLL(None).prctl
except (ImportError, OSError, AttributeError):  # a Python built without ctypes, or no Linux
    _prctl = None

NICE_AT_START = os.getpriority(os.PRIO_PROCESS, 0)  # the worker's, whatever the agent takes for itself
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def _call_prctl(option: int, value: int) -> bool:
    return bool(_prctl and _prctl(option, *map(ctypes.c_ulong, (value, 0, 0, 0))) == 0)


def die_with_parent(parent: int) -> None:
    """Called in the child: SIGKILL when the agent dies, however it dies."""
    _call_prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died between fork and prctl
        os._exit(1)


def adopt_orphans() -> None:
    """Orphaned descendants become children of the agent, so a worker's daemonized child cannot get lost, and
    "no children left" (ECHILD) means exactly "the tree is gone"."""
    _call_prctl(_PR_SET_CHILD_SUBREAPER, 1)


def set_oom_score_adj(value: int) -> None:
    """Lowering the score needs a privilege that the agent may lack; then the worker's raised one must do."""
    try:
        with open("/proc/self/oom_score_adj", "w") as stream:
            stream.write(str(value))
    except OSError:
        pass


def set_nice(value: int) -> None:
    try:
        os.setpriority(os.PRIO_PROCESS, 0, value)
    except OSError:
        pass


def descendants(ancestor: int) -> Set[int]:
    """Pids of all processes below `ancestor`, by one pass over /proc: costs what the board runs, and misses nobody."""
    children: Dict[int, List[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as stream:
                    parent = int(stream.read().rpartition(b")")[2].split()[1])
            except (OSError, ValueError, IndexError):  # gone meanwhile
                continue
            children.setdefault(parent, []).append(int(name))
    found: Set[int] = set()
    queue = [ancestor]
    while queue:
        for pid in children.get(queue.pop(), ()):
            if pid not in found:
                found.add(pid)
                queue.append(pid)
    return found


def descendants_at_a_glance(ancestor: int) -> Set[int]:
    """The same for those who only look: by the `children` files where the kernel has that option, which costs what the
    tree is large, and may miss a process whose sibling ends meanwhile."""
    if not os.path.exists(f"/proc/{ancestor}/task/{ancestor}/children"):
        return descendants(ancestor)
    found: Set[int] = set()
    queue = [ancestor]
    while queue:
        for pid in _children(queue.pop()) - found:
            found.add(pid)
            queue.append(pid)
    return found


def _children(pid: int) -> Set[int]:
    """Of all its threads: each has those that it started itself."""
    children: Set[int] = set()
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as stream:
                children.update(map(int, stream.read().split()))
    except OSError:  # gone meanwhile
        pass
    return children


def session(pid: int) -> int:
    """The session it belongs to; 0 when it is gone."""
    try:
        return os.getsid(pid)
    except OSError:
        return 0
