"""What the commands share: options, forms of output, and how a refusal ends a command."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from debitor.settings import Settings, SettingsError, load

F = TypeVar("F", bound=Callable[..., Any])


class Failure(click.ClickException):
    """One line on standard error, and an exit code."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.code = exit_code

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        """What click ends the process with; a class attribute there."""
        return self.code

    def show(self, file: Any = None) -> None:
        """Print the line."""
        click.echo(f"debitor: {self.format_message()}", file=file, err=True)


class Commands(click.Group):
    """Turns the refusals of the other rooms into one line and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            raise Failure(str(error), 2) from error
        except click.ClickException:
            raise
        except Exception as error:
            # These rooms are slow to import, and version, settings and help do without them.
            from debitor.identity import ClientError
            from debitor.schema import Refused
            from debitor.server import StartError
            from debitor.store import StoreError

            if isinstance(error, StartError):
                raise Failure(str(error), 2) from error
            if isinstance(error, ClientError | Refused | StoreError):
                raise Failure(str(error)) from error
            raise


def where(command: F) -> F:
    """Options that say which books are meant."""
    options = (
        click.option("--data", type=click.Path(path_type=Path), help="Folder of the books [./debitor-data]."),
        click.option(
            "--database-url",
            help="postgresql://user@host/database or sqlite:///path, instead of --data.",
        ),
        click.option("--config", type=click.Path(path_type=Path), help="TOML file with settings [./debitor.toml]."),
    )
    return functools.reduce(lambda made, option: option(made), reversed(options), command)


as_json = click.option("--json", "json_form", is_flag=True, help="Print JSON, for scripts.")


def settings_of(config: Path | None, **flags: Any) -> Settings:
    """The settings in force, given these flags."""
    return load(flags, config=config)


def print_json(value: Any) -> None:
    """Print a value for a script to read."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    """Print rows under their column names."""
    cells = [[*columns], *[["" if row[c] is None else str(row[c]) for c in columns] for row in rows]]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    for line in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
