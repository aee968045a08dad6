#!/usr/bin/env python3
"""Compares our token ids with those of the sentencepiece package.

  python3 -m venv VENV && VENV/bin/pip install sentencepiece
  ./bazelw build //experiments/pretrained/text:tokenize
  VENV/bin/python tools/peer/check_tokenizer.py --tokenizer=bpe_32k_c4.model

Without --tokenizer: with a small one like it, which the package trains first.

The documents: the paragraphs of experiments/pretrained/text/languages.txt, in a
dozen languages; shuffles and pieces of them; random code points; random bytes,
most of which are no UTF-8. The package gets each as the reference gives it,
with "<n>" for every line end. Also compares samples of documents with those of
Python's random.sample. Exit code 0 if every id agrees, else 1.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile

import sentencepiece

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LANGUAGES = os.path.join(TOP, "experiments/pretrained/text/languages.txt")
PROGRAM = os.path.join(TOP, "bazel-bin/experiments/pretrained/text/tokenize")


def code_point(rng):
    """Any but a surrogate, the small ones more often."""
    while True:
        c = rng.randrange(1 << rng.choice((7, 7, 8, 11, 16, 20)))
        if not 0xD800 <= c <= 0xDFFF:
            return chr(c)


def texts(rng, count):
    with open(LANGUAGES, encoding="utf-8") as f:
        paragraphs = [p.strip("\n") for p in f.read().split("\n\n")]
    out = paragraphs + ["", " ", "\n", "\n\n \n", "<n>", " <n> <", "<0x41>", "<pad></s>", "\u2581a"]
    out += ["\n".join(paragraphs), "a" * 3000, " " * 3000]
    everything = "\n".join(paragraphs)
    for _ in range(count):
        at = rng.randrange(len(everything))
        piece = everything[at : at + rng.randrange(1, 300)]
        out.append(piece)
        out.append("".join(rng.sample(piece, len(piece))))
        out.append("".join(code_point(rng) for _ in range(rng.randrange(1, 100))))
    return out


def byte_strings(rng, count):
    """Without line ends: they are written as paragraphs of one line."""
    alphabets = [
        [b for b in range(256) if b != 10],
        [0x20, 0xC3, 0xA9, 0xE2, 0x96, 0x81, 0xF0, 0x9F, 0x98, 0x80, 0x41, 0x3C, 0x6E, 0x3E],
    ]
    out = []
    while len(out) < count:
        alphabet = rng.choice(alphabets)
        line = bytes(rng.choice(alphabet) for _ in range(rng.randrange(1, 80)))
        if line.strip(b" \t\r"):
            out.append(line)
    return out


def train(folder):
    """A model with the settings of the 7B models' one."""
    sentencepiece.SentencePieceTrainer.train(
        input=LANGUAGES,
        model_prefix=os.path.join(folder, "small"),
        vocab_size=900,
        model_type="bpe",
        byte_fallback=True,
        character_coverage=0.98,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        split_by_whitespace=False,
        allow_whitespace_only_pieces=True,
        split_digits=True,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        control_symbols=["<mask>"],
        user_defined_symbols=["<n>"],
        minloglevel=2,
    )
    return os.path.join(folder, "small.model")


def ours(args, path, *flags):
    command = [args.program, "--tokenizer=" + args.tokenizer, "--prompts=" + path, *flags]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return [json.loads(line) for line in out.splitlines()]


def compare(name, documents, got, want):
    """How many documents differ; prints the first few."""
    bad = len(got) != len(documents)
    if bad:
        print("%s: %d lines for %d documents" % (name, len(got), len(documents)))
    tokens = 0
    for document, line in zip(documents, got):
        expected = want(document)
        tokens += len(expected)
        if line["ids"] != expected:
            bad += 1
            if bad <= 5:
                print("%s, %r:\n  ours    %s\n  package %s" % (name, document, line["ids"], expected))
    print("%-28s %6d documents %8d ids  %s" % (name, len(documents), tokens, bad or "all agree"))
    return bad


def check_sample(args, folder, samples, documents, seed):
    path = os.path.join(folder, "sample.jsonl")
    with open(path, "w") as f:
        for i in range(documents):
            f.write('{"text":"%d"}\n' % i)
    lines = ours(args, path, "--samples=%d" % samples, "--seed=%d" % seed)
    want = random.Random(seed).sample(range(documents), samples)
    bad = [line["document"] for line in lines] != want
    print("sample %d of %d, seed %d: %s" % (samples, documents, seed, "DIFFERS" if bad else "agrees"))
    return bad


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tokenizer", help="a sentencepiece model")
    parser.add_argument("--program", default=PROGRAM, help="our tokenize")
    parser.add_argument("--count", type=int, default=2000, help="random documents of each kind")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    rng = random.Random(args.seed)
    everything = ["--samples=0", "--max_tokens=1000000000"]
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        args.tokenizer = args.tokenizer or train(folder)
        package = sentencepiece.SentencePieceProcessor(model_file=args.tokenizer)
        documents = texts(rng, args.count)
        path = os.path.join(folder, "text.jsonl")
        with open(path, "w", encoding="utf-8") as f:
            for i, text in enumerate(documents):
                # With and without escapes of what is not ASCII.
                f.write(json.dumps({"n": i, "text": text}, ensure_ascii=i % 2 == 0) + "\n")
        bad += compare(
            "text",
            documents,
            ours(args, path, *everything),
            lambda text: package.encode(text.replace("\n", "<n>")),
        )
        bad += compare(
            "text, 7 ids at most",
            documents,
            ours(args, path, "--samples=0", "--max_tokens=7"),
            lambda text: package.encode(text.replace("\n", "<n>"))[:7],
        )
        documents = byte_strings(rng, args.count)
        path = os.path.join(folder, "bytes.txt")
        with open(path, "wb") as f:
            f.write(b"\n\n".join(documents))
        bad += compare("random bytes", documents, ours(args, path, *everything), package.encode)
        for samples, documents, seed in (
            (1000, 10000, 42),
            (1366, 10000, 42),
            (10, 10000, 42),
            (5, 21, 0),
            (5, 22, 2**40),
            (3000, 3000, 7),
        ):
            bad += check_sample(args, folder, samples, documents, seed)
    print("sentencepiece %s: %s" % (sentencepiece.__version__, "DIFFERENCES" if bad else "every id agrees"))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
