"""The command line: `civicloop serve`, `civicloop history verify`, `civicloop migrate draft`, ..."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from civicloop.kernel.refusal import Refusal
from civicloop.kernel.registry.district import NotReady, Settings

# Command to "module:function"; a module is loaded only when its command runs, so that none pays for another's.
COMMANDS = {
    "serve": ("civicloop.cli.serve", "启动服务 / serve the district"),
    "account": ("civicloop.cli.account", "新建账号 / create an account"),
    "demo": ("civicloop.cli.demo", "填入示例案件 / fill in the example cases"),
    "history": ("civicloop.cli.history", "校验或摘要历史链 / verify the history, or print its digest"),
    "migrate": ("civicloop.cli.migrate", "起草流程发布 / draft the release of a changed process"),
    "import": ("civicloop.cli.importing", "导入旧数据 / import cases from a file"),
    "docs": ("civicloop.cli.docs", "生成文档 / write the generated documents"),
    "bench": ("civicloop.cli.bench", "性能对比 / measure against a baseline"),
    "new-loop": ("civicloop.cli.new_loop", "新建流程文件夹 / lay out a new loop"),
}


def settings_from_environment() -> Settings:
    """What the environment says; ValueError in words for what can't be."""
    get = os.environ.get
    port = get("CIVICLOOP_PORT", "8420")
    if not port.isdecimal() or int(port) > 65535:
        raise ValueError(
            f"CIVICLOOP_PORT={port!r} is no port: give a number from 0 to 65535 (0 takes a free one)"
        )
    demo = get("CIVICLOOP_DEMO", "1")
    if demo not in ("0", "1"):
        raise ValueError(f"CIVICLOOP_DEMO={demo!r}: give 1 for a demo, 0 for none")
    return Settings(
        data_dir=Path(get("CIVICLOOP_DATA", "data")),
        database=get("CIVICLOOP_DATABASE", ""),
        host=get("CIVICLOOP_HOST", "127.0.0.1"),
        port=int(port),
        demo=demo == "1",
        pack=get("CIVICLOOP_PACK", "jianghan"),
        tls_cert=get("CIVICLOOP_TLS_CERT", ""),
        tls_key=get("CIVICLOOP_TLS_KEY", ""),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns its exit status. A fault of the input is one sentence, not a trace."""
    parser = argparse.ArgumentParser(prog="civicloop", description="A city district, run as closed loops.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    loaded = {}
    words = list(sys.argv[1:] if arguments is None else arguments)
    for name, (module, words_of) in COMMANDS.items():
        sub = commands.add_parser(name, help=words_of, description=words_of)
        if words[:1] == [name]:
            loaded[name] = importlib.import_module(module)
            loaded[name].arguments(sub)
    given = parser.parse_args(words)
    try:
        status: int = loaded[given.command].run(given, settings_from_environment())
    except (ValueError, NotReady, Refusal, OSError) as error:
        print(f"civicloop {given.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130  # asked to stop: no fault, and nothing to trace
    return status
