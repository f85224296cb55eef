"""`rnnlite completion SHELL`: what a shell needs to complete this command's arguments."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from rnnlite_pipeline.cli.arguments import Argument, Command

Commands = Mapping[str, Command]


def completion(shell: str, commands: Commands) -> str:
    """The script for a shell: bash, zsh or fish."""
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](commands)


def _options(command: Command) -> list[Argument]:
    return [each for each in command.arguments if each.names[0].startswith("-")]


def _positional(command: Command) -> Argument | None:
    return next((each for each in command.arguments if not each.names[0].startswith("-")), None)


def _choices(argument: Argument | None) -> str:
    return " ".join(argument.settings.get("choices", ())) if argument else ""


def _takes_value(argument: Argument) -> bool:
    return "action" not in argument.settings


def _bash(commands: Commands) -> str:
    return f"""\
# rnnlite: completion for bash. Load it with: eval "$(rnnlite completion bash)"
_rnnlite() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" command="${{COMP_WORDS[1]}}" words=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{" ".join(commands)} --help --version" -- "$current"))
    return
  fi
  case "$command ${{COMP_WORDS[COMP_CWORD-1]}}" in
{"".join(f"    {line}{chr(10)}" for line in _bash_values(commands))}\
  esac
  case "$command" in
{"".join(f"    {line}{chr(10)}" for line in _bash_words(commands))}\
  esac
  if [ -n "$words" ] && [[ "$current" == -* || "$words" != -* ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  else
    compopt -o filenames
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}}
complete -F _rnnlite rnnlite
"""


def _bash_values(commands: Commands) -> Iterator[str]:
    """What may follow an option."""
    for name, command in commands.items():
        for option in filter(_takes_value, _options(command)):
            label = shlex.quote(f"{name} {option.names[0]}")
            if choices := _choices(option):
                yield f'{label}) COMPREPLY=($(compgen -W "{choices}" -- "$current")); return ;;'
            elif option.settings.get("metavar") == "DIR":
                yield f'{label}) compopt -o filenames; COMPREPLY=($(compgen -d -- "$current"));'
                yield "  return ;;"


def _bash_words(commands: Commands) -> Iterator[str]:
    for name, command in commands.items():
        options = " ".join(each.names[0] for each in _options(command))
        first = _choices(_positional(command))
        yield f'{name}) words="{f"{first} {options} --help".strip()}" ;;'


def _zsh(commands: Commands) -> str:
    names = "".join(f"    {_described(n, c.help)}\n" for n, c in commands.items())
    cases = "".join(
        f"    {name}) _arguments -S {' '.join(_zsh_specs(command))} ;;\n"
        for name, command in commands.items()
    )
    return f"""\
#compdef rnnlite
# rnnlite: completion for zsh. Load it, after compinit, with: eval "$(rnnlite completion zsh)"
_rnnlite() {{
  local -a commands=(
{names}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local name=${{words[2]}}
  shift words
  (( CURRENT-- ))
  case $name in
{cases}  esac
}}
compdef _rnnlite rnnlite
"""


def _described(name: str, text: str) -> str:
    return shlex.quote(f"{name}:{text}")


def _zsh_specs(command: Command) -> Iterator[str]:
    """Of `_arguments`: an option, its help, and what follows it."""
    yield shlex.quote("--help[say more]")
    for each in command.arguments:
        text = str(each.settings["help"]).translate(str.maketrans("[]:", "(),"))
        choices = _choices(each)
        action = f"({choices})" if choices else "_files"
        if each.settings.get("metavar") == "DIR":
            action = "_files -/"
        if each.names[0].startswith("-"):
            value = f":{each.settings.get('metavar')}:{action}" if _takes_value(each) else ""
            yield shlex.quote(f"{each.names[0]}[{text}]{value}")
        else:
            many = "*" if each.settings.get("nargs") == "+" else ""
            yield shlex.quote(f"{many}:{text}:{action}")


def _fish(commands: Commands) -> str:
    lines = ["# rnnlite: completion for fish. Load it with: rnnlite completion fish | source"]
    lines += [
        f"complete -c rnnlite -n __fish_use_subcommand -f -a {name} -d {shlex.quote(command.help)}"
        for name, command in commands.items()
    ]
    for name, command in commands.items():
        within = f"complete -c rnnlite -n '__fish_seen_subcommand_from {name}'"
        for each in command.arguments:
            text, choices = shlex.quote(str(each.settings["help"])), _choices(each)
            if not each.names[0].startswith("-"):
                lines += [f"{within} -f -a '{choices}'"] if choices else []
                continue
            letter = each.names[0].lstrip("-")
            option = f"-l {letter}" if each.names[0].startswith("--") else f"-s {letter}"
            value = (f" -x -a '{choices}'" if choices else " -r") if _takes_value(each) else ""
            lines.append(f"{within} {option}{value} -d {text}")
    return "\n".join(lines) + "\n"
