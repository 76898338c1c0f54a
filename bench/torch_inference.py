#!/usr/bin/env python3
"""Times of PyTorch's predictions for a single example, one JSON line each: the networks of ../shared/peers/torch_train.py.

usage: torch_inference.py FOLDER [--threads N] [--compile] [--only mlp-1|cnn-1|gpt-1|resnet-1]
FOLDER holds torch_train.py, whose network definitions are read from it. Needs: torch (CPU).
"""
import argparse, json
import torch

arg = argparse.ArgumentParser()
arg.add_argument("folder")
arg.add_argument("--threads", type=int, default=2)
arg.add_argument("--compile", action="store_true")
arg.add_argument("--only")
opt = arg.parse_args()

# The script trains when it is imported, so only its definitions are taken: the text between its settings and its loop.
text = open(opt.folder + "/torch_train.py").read()
definitions = "import statistics, time, torch.nn as nn, torch.nn.functional as F\n" + text[text.index("class Block"):text.index("for work in")]
exec(definitions)
torch.set_num_threads(opt.threads)
torch.manual_seed(0)


class Prediction:
    """What `timed` reads as a number at the end of a group: one element, as no loss is computed."""

    def __init__(self, value):
        self.value = value

    def __float__(self):
        return float(self.value.flatten()[0])


for work in (mlp, cnn, gpt, resnet):
    name = work.__name__ + "-1"
    if opt.only and opt.only != name:
        continue
    net, x, *_ = work()
    net.eval()
    x = x[:1].contiguous()
    predict = torch.compile(net) if opt.compile else net

    def step():
        with torch.inference_mode():
            return Prediction(predict(x))

    median, least = timed(step)
    print(json.dumps({"peer": "torch" + ("-compile" if opt.compile else ""), "version": torch.__version__,
                      "threads": opt.threads, "workload": name, "msPerStep": round(median, 5), "least": round(least, 5)}), flush=True)
