"""The command line: a table of commands, each a plain typed function.

Options and their help come from the function's signature and docstring. A parameter that is a
config (a dataclass) gives one option a field. Nothing heavy is imported before it is known which
command is meant.
"""

from __future__ import annotations

import difflib
import errno
import importlib
import inspect
import io
import re
import sys
import typing
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, NoReturn

from transnet.errors import TransNetError

COMMANDS = {
    "demo": ("transnet.commands.demo:demo", "the whole pipeline on generated clips, offline"),
    "download": ("transnet.data.datasets.download:download", "fetch a published dataset"),
    "check": ("transnet.commands.check:check", "find the broken clips of a dataset"),
    "audit": ("transnet.audit.audit:audit", "say how far a split can be trusted"),
    "train": ("transnet.experiments.train:train", "teach a recognizer the actions of a dataset"),
    "evaluate": ("transnet.evaluation.evaluate:evaluate", "measure a run, with a report"),
    "explain": ("transnet.commands.explain:explain", "show where a recognizer looked"),
    "predict": ("transnet.commands.predict:predict", "tell the action of each video"),
    "label": ("transnet.archive.label:label", "label an archive of videos, as Parquet"),
    "features": ("transnet.archive.features:features", "extract features of a dataset, as Parquet"),
    "live": ("transnet.commands.live:live", "watch a camera, a stream or a file"),
    "export": ("transnet.deploy.export:export", "write a run for ONNX Runtime or OpenVINO"),
    "pretrain": ("transnet.training.pretrain:pretrain", "teach a backbone human shape (TransNet+)"),
    "segment": ("transnet.commands.segment:segment", "show where the people on photos are"),
    "benchmark": ("transnet.benchmark.benchmark:benchmark", "speed here, beside rivals"),
    "reproduce": ("transnet.paper.reproduce:reproduce", "measure the tables of the paper"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``transnet`` and return its exit status: 0 well, 1 failed, 2 not understood."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help"):
        print(_overview())
        return 0 if words else 2
    if words[0] == "--version":
        from importlib.metadata import version

        print(version("transnet-har"))
        return 0
    if words[0] not in COMMANDS:
        print(_unknown("command", words[0], COMMANDS), file=sys.stderr)
        return 2
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="surrogateescape")  # names of files may be any bytes
    try:
        result = _call(words[0], words[1:])
    except TransNetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has enough
        return 0
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        print(
            f"error: {error.filename or error}: this name is too long for a file.", file=sys.stderr
        )
        return 1
    except KeyboardInterrupt:
        print("stopped. A training goes on with --resume.", file=sys.stderr)
        return 130
    return result if isinstance(result, int) else 0


def _call(command: str, words: Sequence[str]) -> Any:
    module, _, name = COMMANDS[command][0].partition(":")
    function = getattr(importlib.import_module(module), name)
    parameters = _Parameters(function)
    values = vars(parameters.parser(command).parse_args(words))
    return function(**parameters.to_arguments(values))


class _Parameters:
    """A function's signature as command line options, and options as its arguments."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._signature = inspect.signature(function)
        self._types = typing.get_type_hints(function)

    def parser(self, command: str) -> Any:
        from jsonargparse import ArgumentParser

        class Parser(ArgumentParser):
            def error(self, message: str, ex: Exception | None = None) -> NoReturn:
                options = [word for action in self._actions for word in action.option_strings]
                print(f"error: {_readable(message, options)}", file=sys.stderr)
                print(f"See transnet {command} --help", file=sys.stderr)
                sys.exit(2)

        description, help_texts = _docstring(self._function)
        parser = Parser(prog=f"transnet {command}", description=description)
        for name, parameter in self._signature.parameters.items():
            kind = self._types[name]
            if is_dataclass(kind):
                for field in fields(kind):
                    hints = typing.get_type_hints(kind)
                    text = field.metadata["help"]
                    _add_option(parser, field.name, hints[field.name], field.default, text)
            elif parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                text = help_texts[name]
                _add_option(parser, name, kind, parameter.default, text, switch=True)
            else:
                many = typing.get_origin(kind) is list
                parser.add_argument(
                    name, type=str, help=help_texts[name], nargs="+" if many else None,
                    metavar=name.rstrip("s").upper() if many else name.upper(),
                )  # fmt: skip
        parser.add_argument("--config", action="config", help="a YAML file with any of these")
        return parser

    def to_arguments(self, values: dict[str, Any]) -> dict[str, Any]:
        arguments = {}
        for name in self._signature.parameters:
            kind = self._types[name]
            if is_dataclass(kind):
                assert isinstance(kind, type)
                arguments[name] = kind(**{field.name: values[field.name] for field in fields(kind)})
            else:
                arguments[name] = values[name]
        return arguments


def _add_option(
    parser: Any, name: str, kind: Any, default: Any, text: str, *, switch: bool = False
) -> None:
    flag = "--" + name.replace("_", "-")
    if switch and kind is bool and default is False:
        parser.add_argument(flag, action="store_true", help=text)
    elif default in (inspect.Parameter.empty, MISSING):
        parser.add_argument(flag, type=kind, required=True, help=text)
    else:
        # The parser appends the type and the default.
        parser.add_argument(flag, type=kind, default=default, help=text)


def _docstring(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """The first paragraph, and the texts under ``Args:``."""
    text = inspect.getdoc(function) or ""
    arguments = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", text, re.DOTALL | re.MULTILINE)
    entries = re.findall(
        r"^    (\w+): (.*?)(?=^    \w+: |\Z)",
        arguments[1] if arguments else "",
        re.DOTALL | re.MULTILINE,
    )
    return text.partition("\n\n")[0], {name: " ".join(help.split()) for name, help in entries}


def _readable(message: str, options: Sequence[str]) -> str:
    unknown = re.search(r"unrecognized arguments: (--[\w-]+)", message, re.IGNORECASE)
    if unknown:
        return _unknown("option", unknown[1], options)
    key = re.search(r"(?:Option|Key) ['\"](\w+)['\"] is not accepted", message)
    if key:
        return _unknown("setting", key[1], [word.strip("-").replace("-", "_") for word in options])
    return " ".join(message.split())


def _unknown(what: str, given: str, accepted: Sequence[str] | dict[str, Any]) -> str:
    near = difflib.get_close_matches(given, accepted, n=1)
    hint = f" Did you mean {near[0]}?" if near else f" Accepted: {', '.join(accepted)}."
    return f"there is no {what} {given}.{hint}"


def _overview() -> str:
    lines = [
        "TransNet recognizes human actions in video.",
        "",
        "usage: transnet COMMAND ...",
        "",
        *(f"  {name:<10} {summary}" for name, (_, summary) in COMMANDS.items()),
        "",
        "transnet COMMAND --help says what a command takes; transnet --version, which one this is.",
    ]
    return "\n".join(lines)
