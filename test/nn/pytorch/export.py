#!/usr/bin/env python3
"""Writes what PyTorch's layers compute: state dicts as PyTorch names them, inputs, outputs, and gradients of every parameter.

usage: export.py          writes layers.safetensors beside itself
Needs: torch (1.13 or later). Tensors are called `<layer>/state/<name>`, `<layer>/grad/<name>`, `<layer>/in<i>`, `<layer>/out<i>`,
and `<layer>/after/<name>` for statistics that the call has changed. Runs in float64 and stores float32; the loss behind the
gradients is the sum of out0 times linspace(0.5, 1.5).
"""
import json, os, struct
import torch
import torch.nn as nn

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
tensors = {}


def put(name, t):
    tensors[name] = t.detach().to(torch.int64 if t.dtype == torch.int64 else torch.float32, copy=True).contiguous()


def rounded(t):
    return t.float().double()


def export(name, net, inputs, call):
    for p in list(net.parameters()) + [b for b in net.buffers() if b.dtype != torch.int64]:
        with torch.no_grad():
            p.copy_(rounded(torch.rand_like(p) + 0.5 if "running_var" in name else torch.randn_like(p) * 0.4))
    for key, b in net.named_buffers():
        if key.endswith("running_var"):
            b.copy_(rounded(torch.rand_like(b) + 0.5))
    for key, value in net.state_dict().items():
        put(f"{name}/state/{key}", value)
    inputs = [rounded(torch.randn(*shape)) for shape in inputs]
    outputs = call(net, *inputs)
    for i, x in enumerate(inputs):
        put(f"{name}/in{i}", x)
    for i, y in enumerate(outputs):
        put(f"{name}/out{i}", y)
    (outputs[0] * torch.linspace(0.5, 1.5, outputs[0].numel()).reshape(outputs[0].shape)).sum().backward()
    for key, p in net.named_parameters():
        put(f"{name}/grad/{key}", p.grad)
    for key, b in net.named_buffers():
        put(f"{name}/after/{key}", b)


def flat(result):
    out, state = result
    return [out, *(state if isinstance(state, tuple) else (state,))]


def lower(n):
    return torch.triu(torch.full((n, n), float("-inf")), diagonal=1)


for kind in ("RNN", "GRU", "LSTM"):
    net = getattr(nn, kind)(3, 4, num_layers=2, bidirectional=True, batch_first=True)
    states = [(4, 2, 4)] * (2 if kind == "LSTM" else 1)
    export(kind, net, [(2, 5, 3), *states], lambda net, x, *s: flat(net(x, tuple(s) if len(s) == 2 else s[0])))

export("MultiheadAttention", nn.MultiheadAttention(8, 2, batch_first=True), [(2, 5, 8)],
       lambda net, x: [net(x, x, x, attn_mask=lower(5), need_weights=False)[0]])
export("CrossAttention", nn.MultiheadAttention(8, 2, kdim=6, vdim=4, batch_first=True), [(2, 5, 8), (2, 3, 6), (2, 3, 4)],
       lambda net, q, k, v: [net(q, k, v, need_weights=False)[0]])
export("TransformerEncoder", nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 12, 0.0, batch_first=True), 2, nn.LayerNorm(8)),
       [(2, 5, 8)], lambda net, x: [net(x, mask=lower(5))])
export("NormFirst", nn.TransformerEncoderLayer(8, 2, 12, 0.0, activation="gelu", batch_first=True, norm_first=True), [(2, 5, 8)],
       lambda net, x: [net(x)])
export("TransformerDecoder", nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 12, 0.0, batch_first=True), 2), [(2, 5, 8), (2, 3, 8)],
       lambda net, x, memory: [net(x, memory, tgt_mask=lower(5))])
export("BatchNorm", nn.Sequential(nn.Conv1d(3, 4, 1), nn.BatchNorm1d(4)), [(6, 3, 2)], lambda net, x: [net(x)])
export("GroupNorm", nn.GroupNorm(2, 4), [(3, 4, 2)], lambda net, x: [net(x)])
export("LayerNorm", nn.LayerNorm([4, 2]), [(3, 4, 2)], lambda net, x: [net(x)])
export("InstanceNorm", nn.InstanceNorm1d(4, affine=True, track_running_stats=True), [(3, 4, 5)], lambda net, x: [net(x)])

header, blobs, offset = {}, [], 0
for name, t in sorted(tensors.items(), key=lambda item: (item[1].dtype != torch.int64, item[0])):
    data = t.numpy().tobytes()
    header[name] = {"dtype": "I64" if t.dtype == torch.int64 else "F32", "shape": list(t.shape), "data_offsets": [offset, offset + len(data)]}
    blobs.append(data)
    offset += len(data)
header["__metadata__"] = {"torch": torch.__version__}
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "layers.safetensors"), "wb") as f:
    f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
print(len(tensors), "tensors,", offset, "bytes")
