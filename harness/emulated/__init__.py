"""arm64 on a machine that is none: which CPU qemu plays, the Debian that runs on it, and a whole board in qemu."""
