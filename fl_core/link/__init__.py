"""The data plane: messages of named tensors between server, edge and workers. `base` is the protocol;
`grpc_link` and `in_process` are its back ends."""
