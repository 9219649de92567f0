"""The command line: a table of commands, each a plain typed function.

The signature of a function gives the options, its docstring their help. Nothing heavy is imported
before it is known which command is meant, nor to show its help.

jsonargparse parses the values and the YAML of ``--config``. Its ``add_function_arguments`` is not
used, because it would change what users type: it nests the fields of a dataclass
(``--training.epochs``), spells options with underscores and wants a value after a switch
(``--resume true``).
"""

from __future__ import annotations

import argparse
import builtins
import collections.abc
import difflib
import errno
import importlib
import inspect
import io
import os
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from transnet.errors import TransNetError
from transnet.yaml_files import check_yaml

COMMANDS = {
    "demo": ("transnet.commands.demo:demo", "run the whole pipeline on synthetic clips, offline"),
    "download": ("transnet.data.datasets.download:download", "download a published dataset"),
    "check": ("transnet.commands.check:check", "find the broken clips of a dataset"),
    "audit": ("transnet.audit.audit:audit", "measure how much a split leaks"),
    "train": ("transnet.experiments.train:train", "train a recognizer on a dataset"),
    "evaluate": ("transnet.evaluation.evaluate:evaluate", "evaluate a run and write a report"),
    "compare": ("transnet.commands.compare:compare", "compare two runs on the same test clips"),
    "explain": ("transnet.commands.explain:explain", "show what a prediction is based on"),
    "predict": ("transnet.commands.predict:predict", "classify videos"),
    "suggest": ("transnet.commands.suggest:suggest", "choose which clips to label next"),
    "label": ("transnet.archive.label:label", "label an archive of videos"),
    "features": ("transnet.archive.features:features", "extract the features of a dataset"),
    "live": ("transnet.commands.live:live", "classify a camera, a stream or a file live"),
    "app": ("transnet.app.app:app", "record, train and test in the browser"),
    "serve": ("transnet.app.serve:serve", "serve a run as an HTTP API"),
    "push": ("transnet.commands.push:push", "publish a run on the Hugging Face Hub"),
    "export": ("transnet.deploy.export:export", "export a run to ONNX Runtime or OpenVINO"),
    "pretrain": (
        "transnet.training.pretrain:pretrain",
        "pretrain a backbone (TransNet+)",
    ),
    "weights": ("transnet.commands.weights:weights", "write a weights file that says what it is"),
    "segment": ("transnet.commands.segment:segment", "segment the people in photos"),
    "benchmark": ("transnet.benchmark.benchmark:benchmark", "benchmark speed on this machine"),
    "reproduce": ("transnet.paper.reproduce:reproduce", "reproduce the tables of the paper"),
}
"""Name to the function, ``module:name``, and a summary."""

GUARDS = ("transnet.utils.signals:keep_interrupts", "transnet.utils.terminal:guard_terminal")
"""Called before every command."""

_REASONS = {
    errno.ENAMETOOLONG: "this name is too long for a file.",
    errno.ENOSPC: "the disk is full; free some space and start again.",
    getattr(errno, "EDQUOT", -1): "the disk quota is used up; free some space and start again.",
    errno.EROFS: "the disk is read-only; choose another folder.",
    errno.EACCES: "this file or folder may not be used; change its permissions.",
    errno.EMFILE: "too many open files; raise the limit (ulimit -n), or use fewer --workers.",
    errno.ENFILE: "this machine has too many open files; close some programs.",
}

PRESET = "preset"
PRESETS = ("fast", "balanced", "accurate", "paper")
"""Settings files in ``presets/``; docs/presets.md compares them."""

RESUMABLE = ("train", "pretrain")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``transnet`` and return its exit status: 0 success, 1 failure, 2 a usage error."""
    with TransNetError.speaking_of_options():
        return _main(list(sys.argv[1:] if arguments is None else arguments))


def _main(words: list[str]) -> int:
    for guard in GUARDS:
        _function(guard)()
    if not words or words[0] in ("-h", "--help"):
        print(_overview())
        return 0 if words else 2
    if words[0] == "--version":
        import transnet

        print(transnet.__version__)
        return 0
    if words[0] not in COMMANDS:
        return _fail(_unknown("command", words[0], COMMANDS), status=2)
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="surrogateescape")  # file names may be any bytes
    return _run(words[0], words[1:])


def _run(command: str, words: Sequence[str]) -> int:
    function = _function(COMMANDS[command][0])
    parser = _parser(command, function)
    try:
        words = [*_preset(words, parser), *words]
        for file in _config_files(words):
            check_yaml(file)
        result = function(**_arguments(function, vars(parser.parse_args(words))))
        sys.stdout.flush()  # a full disk is told here, not by the interpreter as it ends
    except argparse.ArgumentError as error:
        return _fail(_readable(error.message, function), f"See transnet {command} --help", status=2)
    except TransNetError as error:
        return _fail(_with_option(str(error), function))
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has closed it
        return 0
    except OSError as error:
        reason = _REASONS.get(error.errno or 0)
        if reason is None:
            raise
        if error.errno == errno.ENOSPC:
            _discard_output()
        return _fail(f"{error.filename or error}: {reason}")
    except KeyboardInterrupt:
        hint = " Continue with --resume." if command in RESUMABLE else ""
        print(f"Interrupted.{hint}", file=sys.stderr)
        return 130
    return result if isinstance(result, int) else 0


def _function(place: str) -> Callable[..., Any]:
    """A function by its place, ``module:name``."""
    module, _, name = place.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def _discard_output() -> None:
    """Keep the interpreter from writing once more to an output that is full."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _preset(words: Sequence[str], parser: Any) -> list[str]:
    """``--preset NAME`` as the ``--config`` of its file; options that are given count more."""
    if not any(action.dest == PRESET for action in parser._actions):
        return []
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    finder.add_argument(f"--{PRESET}")
    name = getattr(finder.parse_known_args(words)[0], PRESET)
    if name is None:
        return []
    if name not in PRESETS:
        raise TransNetError(f"--preset is {name!r}; accepted: {', '.join(PRESETS)}.")
    return ["--config", str(Path(__file__).with_name("presets") / f"{name}.yaml")]


def _config_files(words: Sequence[str]) -> Iterator[str]:
    for index, word in enumerate(words):
        if word == "--config" and index + 1 < len(words):
            yield words[index + 1]
        elif word.startswith("--config="):
            yield word.removeprefix("--config=")


def _fail(message: str, *further: str, status: int = 1) -> int:
    print(f"error: {message}", *further, sep="\n", file=sys.stderr)
    return status


def _parser(command: str, function: Callable[..., Any]) -> Any:
    from docstring_parser import parse
    from jsonargparse import ArgumentParser

    text = parse(function.__doc__ or "")
    parser = ArgumentParser(
        prog=f"transnet {command}",
        description="\n".join(filter(None, (text.short_description, text.long_description))),
        allow_abbrev=False,
        exit_on_error=False,
    )
    for parameter, help_text, is_field in _parameters(function):
        kind, default = parameter.annotation, parameter.default
        option = _option(parameter)
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            many = typing.get_origin(kind) is list
            is_required = default is inspect.Parameter.empty
            optional = {} if is_required else {"default": default}
            parser.add_argument(
                parameter.name,
                type=str,
                nargs="+" if many else None if is_required else "?",
                metavar=option.removesuffix("S") if many else option,
                help=help_text,
                **optional,
            )
        elif kind is bool and default is False and not is_field:
            parser.add_argument(option, action="store_true", help=help_text)
        elif default is inspect.Parameter.empty:
            parser.add_argument(option, type=kind, required=True, help=help_text)
        else:
            parser.add_argument(option, type=kind, default=default, help=help_text)
    if {"backbone", "cues"} <= {parameter.name for parameter, *_ in _parameters(function)}:
        parser.add_argument(
            f"--{PRESET}",
            help=f"{', '.join(PRESETS)}: a backbone and its settings; other options count more",
        )
    parser.add_argument("--config", action="config", help="YAML file with any of these options")
    return parser


def _parameters(function: Callable[..., Any]) -> Iterator[tuple[inspect.Parameter, str, bool]]:
    """Each parameter, its help, and whether it is a field of a config (a dataclass)."""
    from docstring_parser import parse_from_object

    documented = parse_from_object(function).params
    help_texts = {
        entry.arg_name: " ".join((entry.description or "").split()) for entry in documented
    }
    for parameter in _signature(function):
        if is_dataclass(parameter.annotation):
            yield from _parameters(typing.cast("type", parameter.annotation))
        else:
            yield parameter, help_texts[parameter.name], is_dataclass(function)


def _arguments(function: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The flat values of the command line as the arguments of a function."""
    arguments = {}
    for parameter in _signature(function):
        kind: Any = parameter.annotation
        is_config = is_dataclass(kind)
        arguments[parameter.name] = (
            kind(**_arguments(kind, values)) if is_config else values[parameter.name]
        )
    return arguments


def _signature(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters that words can give, with their types.

    Alternatives that only Python can give are left out. Their names, like that of the result, are
    not imported where they are heavy.
    """
    names = _Names(vars(sys.modules[function.__module__]))
    parameters = (
        parameter.replace(annotation=_of_words(eval(parameter.annotation, {}, names)))
        for parameter in inspect.signature(function).parameters.values()
    )
    return [each for each in parameters if each.annotation is not _PythonOnly]


class _PythonOnly:
    """Stands for a type whose values only Python can give."""

    def __class_getitem__(cls, _: object) -> type:
        return cls


class _Names(dict[str, Any]):
    """The names of a module; those that it does not have are types for Python only."""

    def __missing__(self, name: str) -> Any:
        return getattr(builtins, name, _PythonOnly)


def _of_words(kind: Any) -> Any:
    """A type without the alternatives that only Python can give."""
    if typing.get_origin(kind) is collections.abc.Sequence or kind is Path:
        return _PythonOnly
    if typing.get_origin(kind) not in (typing.Union, types.UnionType):
        return kind
    left = [each for each in map(_of_words, typing.get_args(kind)) if each is not _PythonOnly]
    return typing.Union[tuple(left)] if left else _PythonOnly  # noqa: UP007


def _option(parameter: inspect.Parameter) -> str:
    """What a user types for a parameter: ``--batch-size``, or ``DATA`` for a positional one."""
    if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
        return "--" + parameter.name.replace("_", "-")
    return parameter.name.upper()


def _with_option(message: str, function: Callable[..., Any]) -> str:
    """An error that begins with the name of an argument, ``batch_size is 0``, with its option."""
    options = {parameter.name: _option(parameter) for parameter, *_ in _parameters(function)}
    return re.sub(r"^\w+(?= (?:is|has) )", lambda match: options.get(match[0], match[0]), message)


def _readable(message: str, function: Callable[..., Any]) -> str:
    options = [
        "--help",
        "--config",
        *(_option(parameter) for parameter, *_ in _parameters(function)),
    ]
    unknown = re.search(r"unrecognized arguments: (--[\w-]+)", message, re.IGNORECASE)
    if unknown:
        return _unknown("option", unknown[1], [word for word in options if word.startswith("--")])
    key = re.search(r"(?:Option|Key) ['\"](\w+)['\"] is not accepted", message)
    if key:
        settings = [word.strip("-").replace("-", "_") for word in options]
        return _unknown("setting", key[1], settings)
    return " ".join(message.split())


def _unknown(what: str, given: str, accepted: Iterable[str]) -> str:
    near = difflib.get_close_matches(given, list(accepted), n=1)
    hint = f" Did you mean {near[0]}?" if near else f" Accepted: {', '.join(accepted)}."
    return f"there is no {what} {given}.{hint}"


def _overview() -> str:
    lines = [
        "TransNet recognizes human actions in video.",
        "",
        "usage: transnet COMMAND [OPTIONS]",
        "",
        *(f"  {name:<10} {summary}" for name, (_, summary) in COMMANDS.items()),
        "",
        "transnet COMMAND --help lists the options of a command; --version prints the version.",
    ]
    return "\n".join(lines)
