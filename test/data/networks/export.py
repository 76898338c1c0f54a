#!/usr/bin/env python3
"""Writes what PyTorch computes for three whole networks: the loss, and its gradient in every parameter.

usage: export.py          writes lenet.safetensors, resnet.safetensors, gpt.safetensors beside itself
Needs: torch (any version from 1.13 on), numpy. Runs in float64 on weights and inputs that are float32 numbers made by a
formula (`numbers`, repeated in networks.test.ts), so that only gradients have to be stored. Each file holds the float32
gradients under PyTorch's names, and in its metadata the loss and the PyTorch version.
"""
import json, math, os, struct
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

here = os.path.dirname(os.path.abspath(__file__))


def numbers(count, seed):
    """`count` numbers in [-1, 1): Murmur3's finaliser of (index + 1) * 0x9E3779B9 + seed, in 32 bits, upper 24 bits kept."""
    mask = np.uint64(0xFFFFFFFF)
    x = ((np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B9)) + np.uint64(seed)) & mask
    x ^= x >> np.uint64(16)
    x = (x * np.uint64(0x85EBCA6B)) & mask
    x ^= x >> np.uint64(13)
    x = (x * np.uint64(0xC2B2AE35)) & mask
    x ^= x >> np.uint64(16)
    return ((x >> np.uint64(8)).astype(np.float64) / 2 ** 23 - 1).astype(np.float32)


def fill(net):
    """Parameter number p gets numbers(size, p) scaled: weights by sqrt(3 / fan-in), others by 0.1; norm weights are 1 + that."""
    for p, (name, tensor) in enumerate(net.named_parameters()):
        values = numbers(tensor.numel(), p).reshape(tuple(tensor.shape))
        if tensor.dim() > 1:
            values = values * np.float32(math.sqrt(3 / (tensor.numel() // tensor.shape[0])))
        else:
            values = values * np.float32(0.1)
            if name.endswith("weight"):
                values = values + np.float32(1)
        with torch.no_grad():
            tensor.copy_(torch.from_numpy(values.astype(np.float32)))


class LeNet(nn.Module):
    """LeNet-5 as in LeCun 1998, with max pooling and ReLU; 28x28 inputs padded by 2."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


class ResBlock(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.c1, self.n1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout)
        self.c2, self.n2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False), nn.BatchNorm2d(cout)
        self.skip = nn.Identity() if cin == cout else nn.Conv2d(cin, cout, 1, stride, bias=False)

    def forward(self, x):
        h = self.n2(self.c2(F.relu(self.n1(self.c1(x)))))
        return F.relu(h + self.skip(x))


class ResNet(nn.Module):
    """ResNet-8 on 32x32x3: stem 16, blocks 16, 32/2, 64/2, global average pool."""

    def __init__(self):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        self.block1, self.block2, self.block3 = ResBlock(16, 16, 1), ResBlock(16, 32, 2), ResBlock(32, 64, 2)
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        x = self.block3(self.block2(self.block1(F.relu(self.norm(self.stem(x))))))
        return self.head(x.mean((2, 3)))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = (z.view(b, t, self.heads, c // self.heads).transpose(1, 2) for z in self.qkv(self.norm1(x)).split(c, 2))
        s = (q @ k.transpose(-2, -1)) / math.sqrt(c // self.heads)
        s = s.masked_fill(torch.ones(t, t).triu(1).bool(), -math.inf)
        x = x + self.out((s.softmax(-1) @ v).transpose(1, 2).reshape(b, t, c))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Gpt(nn.Module):
    """The gpt workload: 4 layers, 4 heads, width 128, block 64, vocabulary 65."""

    def __init__(self, vocab=65, block=64, width=128, layers=4, heads=4):
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocab, width), nn.Embedding(block, width)
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(layers)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocab, bias=False)

    def forward(self, x):
        h = self.tokens(x) + self.places(torch.arange(x.shape[1]))
        for block in self.blocks:
            h = block(h)
        return self.head(self.norm(h)).flatten(0, 1)


def write(path, tensors, metadata):
    header, at = {"__metadata__": metadata}, 0
    for name, value in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [at, at + value.nbytes]}
        at += value.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(v.tobytes() for v in tensors.values()))


def export(name, net, x, y):
    fill(net)
    net = net.double().train()
    loss = F.cross_entropy(net(x), y)
    loss.backward()
    gradients = {n: p.grad.numpy().astype(np.float32) for n, p in net.named_parameters()}
    write(os.path.join(here, name + ".safetensors"), gradients, {"loss": repr(loss.item()), "torch": torch.__version__})
    print(name, loss.item(), sum(g.size for g in gradients.values()))


def images(*shape):
    return torch.from_numpy(numbers(math.prod(shape), 1000).reshape(shape)).double()


export("lenet", LeNet(), images(8, 1, 28, 28), torch.arange(8) % 10)
export("resnet", ResNet(), images(8, 3, 32, 32), torch.arange(8) % 10)
tokens = torch.from_numpy(((numbers(4 * 65, 1000).astype(np.float64) + 1) / 2 * 65).astype(np.int64).reshape(4, 65))
export("gpt", Gpt(), tokens[:, :-1], tokens[:, 1:].flatten())
