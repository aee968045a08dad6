#!/usr/bin/env python3
"""Whole training runs in PyTorch as the reference does them, to the last metric.

Data, initial weights, order of batches and the pairs of label mixing come from
the reference's random streams in the reference's order, so a run differs from
the reference's own in rounding alone. A configuration is a flat dictionary: the
fields of the configuration files by their last names, and `experiment`.

As a program it reads one configuration from standard input and writes version,
metrics and the losses of all steps to standard output, both in JSON.
"""

import json
import math
import random
import sys

sys.dont_write_bytecode = True  # these are sources

import blas  # before torch
import torch
import torch.nn.functional as F

import model as peer
import optimisers

EPSILON = 1e-9  # in the reference's quotients
NUM_PAIRS = 500  # of label mixing, per layer and head


def model_config(config):
    names = peer.ModelConfig.__dataclass_fields__
    return peer.ModelConfig(**{n: config[n] for n in names if n in config})


def index_batches(count, batch_size, shuffle):
    """An epoch's batches; makes the draws that the reference's loader makes."""
    loader = torch.utils.data.DataLoader(
        range(count), batch_size=batch_size, shuffle=shuffle
    )
    return iter(loader)


def attention_maps(model, inputs, batch_size):
    """Of every block the weights, [samples, heads, T, T] in double."""
    maps = [[] for _ in model.layers]
    for block, kept in zip(model.layers, maps):
        block.kept = kept
    with torch.no_grad():
        for batch in inputs.split(batch_size):
            model(batch)
    for block in model.layers:
        block.kept = None
    return [torch.cat(kept).double() for kept in maps]


class Induction:
    """Section 4.1."""

    def __init__(self, config):
        self.config = config
        shape = (
            config["vocab_size"],
            config["seq_length"],
            config["shift_query_token"],
        )
        random.seed(config["seed"])
        self.train = peer.induction_data(config["num_train"], *shape)
        self.eval = peer.induction_data(config["num_eval"], *shape)
        torch.manual_seed(config["seed"])
        tokens = config["vocab_size"] * (1 + config["shift_query_token"])
        self.model = peer.Transformer(tokens, tokens, model_config(config))

    def loss(self, logits, target):
        return peer.induction_loss(logits, target, self.config["aux_loss_weight"])

    def evaluate(self):
        """Losses are means over batches, accuracies over samples."""
        inputs, targets = self.eval
        losses, right = [], []
        # Made anew each time: it draws from the stream.
        batches = index_batches(len(inputs), self.config["batch_size"], False)
        with torch.no_grad():
            for index in batches:
                logits = self.model(inputs[index])
                losses.append(self.loss(logits, targets[index]).item())
                right.append(logits.argmax(-1) == targets[index])
        right = torch.cat(right).double()
        return {
            "eval/loss": sum(losses) / len(losses),
            "eval/acc_all": right.mean().item(),
            "eval/acc_induction": right[:, -1].mean().item(),
        }

    def statistics(self):
        values = {}
        maps = attention_maps(self.model, self.eval[0], self.config["batch_size"])
        for layer, weights in enumerate(maps):
            rows = weights[:, :, 1:-2]
            bos, sums = rows[..., 0], rows.sum(-1)
            share = bos / (sums + EPSILON)
            whole = bos.sum(-1) / (sums.sum(-1) + EPSILON)
            for name, value in (
                ("abs_attn_bos", bos.mean(-1)),
                ("abs_attn_all", sums.mean(-1)),
                ("rel_attn_bos", share.mean(-1)),
                ("rel_attn_bos_global", whole),
            ):
                for head, mean in enumerate(value.mean(0).tolist()):
                    values["%d_%d_%s" % (layer, head, name)] = mean
        return values


class Classification:
    """Section 4.2."""

    def __init__(self, config):
        self.config = config
        shape = (config["vocab_size"], config["seq_length"], config["num_labels"])
        random.seed(config["seed"])  # label mixing alone draws from it
        torch.manual_seed(config["seed"])
        self.model = peer.Transformer(
            config["vocab_size"], config["num_labels"], model_config(config)
        )
        self.train = peer.classification_data(config["num_train"], *shape)
        self.eval = peer.classification_data(config["num_eval"], *shape)

    def loss(self, logits, labels):
        return F.cross_entropy(logits[:, -1], labels)

    def evaluate(self):
        inputs, labels = self.eval
        loss = right = 0.0
        batches = index_batches(len(inputs), self.config["batch_size"], False)
        with torch.no_grad():
            for index in batches:
                logits = self.model(inputs[index])
                loss += self.loss(logits, labels[index]).item() * len(index)
                right += (logits[:, -1].argmax(-1) == labels[index]).sum().item()
        return {"eval/loss": loss / len(labels), "eval/acc": right / len(labels)}

    def statistics(self):
        values = {}
        maps = attention_maps(self.model, self.eval[0], self.config["batch_size"])
        for layer, weights in enumerate(maps):
            row = weights[:, :, -1]  # CLS
            largest, sums = row.max(-1).values, row.sum(-1)
            for name, value in (
                ("abs_attn_max", largest),
                ("abs_attn_sum", sums),
                ("rel_attn_max", largest / sums),
            ):
                for head, mean in enumerate(value.mean(0).tolist()):
                    values["%d_%d_%s" % (layer, head, name)] = mean
            for head in range(row.shape[1]):
                rate = self.flip_rate(row[:, head, :-1])
                values["mixing/%d_%d/avg_top1_dominance_rate" % (layer, head)] = rate
        return values

    def flip_rate(self, attention):
        """How often the top token of one sample decides among another's tokens."""
        inputs, labels = self.eval[0].tolist(), self.eval[1].tolist()
        ranked = []  # equal weights: the last position first, as in the reference
        for tokens, weights in zip(inputs, attention.float().tolist()):
            order = sorted(range(len(weights)), key=weights.__getitem__)
            ranked.append([tokens[i] for i in reversed(order)])
        of_label = {label: [] for label in sorted(set(labels))}
        for sample, label in enumerate(labels):
            of_label[label].append(sample)
        mixed, wanted = [], []
        for _ in range(NUM_PAIRS):
            pair = random.sample(list(of_label), 2)
            a, b = (random.choice(of_label[label]) for label in pair)
            for top, rest, label in ((a, b, pair[0]), (b, a, pair[1])):
                tokens = [ranked[top][0]] + ranked[rest][1:]
                random.shuffle(tokens)
                mixed.append(tokens + [0])
                wanted.append(label)
        with torch.no_grad():
            logits = self.model(torch.tensor(mixed))[:, -1]
        return (logits.argmax(-1) == torch.tensor(wanted)).double().mean().item()


EXPERIMENTS = {"induction": Induction, "classification": Classification}


def train(config, most_steps=None):
    """A model after training, or after `most_steps`, and every step's loss."""
    torch.set_num_threads(1)
    run = EXPERIMENTS[config["experiment"]](config)
    inputs, targets = run.train
    steps = config["num_epochs"] * math.ceil(len(inputs) / config["batch_size"])
    optimizer = optimisers.make(run.model.parameters(), config)
    schedule = optimisers.schedule(optimizer, config, steps)
    losses, evaluation = [], {}
    for _ in range(config["num_epochs"]):
        for index in index_batches(len(inputs), config["batch_size"], True):
            optimizer.zero_grad()
            loss = run.loss(run.model(inputs[index]), targets[index])
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            if len(losses) == most_steps or not math.isfinite(losses[-1]):
                return run, losses, evaluation
        evaluation = run.evaluate()
    return run, losses, evaluation


def run(config):
    """A whole run: (metrics by the reference's keys, the loss of every step)."""
    trained, losses, evaluation = train(config)
    if not math.isfinite(losses[-1]):
        sys.exit("diverged at step %d" % len(losses))
    return {**evaluation, **trained.statistics()}, losses


def main():
    metrics, losses = run(json.load(sys.stdin))
    version = "PyTorch %s, %s" % (torch.__version__, blas.describe())
    json.dump({"version": version, "metrics": metrics, "losses": losses}, sys.stdout)


if __name__ == "__main__":
    main()
