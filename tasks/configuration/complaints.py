"""What Hydra and OmegaConf complain of, in one line of our own: where, rule, value found, remedy.

In come their exceptions, known by their attributes where they have any and by their text where not; this module
imports neither package.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from hlspike.tasks.configuration import launchers

_KEY = re.compile(r"[+~]*[\w$][\w$-]*([./][\w$][\w$-]*)*(@[\w.:$-]+)?", re.ASCII)
"""Of Hydra's grammar."""
_LONGEST = 200
"""Characters of an override that are repeated."""


def one_line(error: Exception, keys: Iterable[str], given: str | None = None) -> str:
    """The message of a ConfigError.

    Args:
        keys: groups and dotted keys that an override may name, for suggestions.
        given: the override that cannot be parsed, if it is that.
    """
    text = " ".join(line.strip() for line in str(error).splitlines() if line.strip())
    text = text.partition(" See https://hydra.cc")[0]
    if isinstance(error, RecursionError):
        return "configuration: is nested too deeply, or a defaults list leads back to its own file; flatten it"
    if "digits) for integer" in text:
        return "configuration: a number of an override is too long; write it in quotes"
    override = getattr(error, "override", None)
    if override is not None:
        return _unparsed(given or override, text)
    missing = getattr(error, "missing_cfg_file", None)
    if missing is not None:
        return _no_choice(missing, getattr(error, "options", None) or ())
    if "key type" in str(error.__cause__):
        text = f"Key type: {text}"
    elif "could not be converted" in str(error.__cause__):
        text = f"{str(error.__cause__).splitlines()[0]} of {text}"
    for pattern, told in _TOLD:
        found = re.search(pattern, text)
        if found:
            message: str = told(found, tuple(keys))
            return message
    # OmegaConf names the key at the end
    what, _, where = text.partition(" full_key: ")
    kind = "" if what and type(error).__module__.startswith(("hydra", "omegaconf")) else f"{type(error).__name__}: "
    return f"{where.partition(' ')[0] or 'configuration'}: {kind}{what.rstrip('.') or 'cannot be composed'}; correct it"


def ungrouped(group: str, choice: Any) -> str:
    """Of a file of a group whose keys end up below the group's name, which is no key."""
    return (
        f"{group}: its file {group}/{choice}.yaml puts its keys below '{group}', where no key is; make "
        "'# @package hls', or whatever its keys belong to, its first line"
    )


def _unparsed(override: str, text: str) -> str:
    key, _, value = override.partition("=")
    override = override if len(override) <= _LONGEST else f"{override[:_LONGEST]}…"
    if key != key.strip() and _KEY.fullmatch(key.strip()):
        return f"{override}: a blank is part of the key; write {key.strip()}={value.strip()}"
    if not _KEY.fullmatch(key):
        return f"{override}: '{key}' is no key that an override can name; set it in a file"
    if "<" in override and ">" in override:
        return f"{override}: cannot be parsed; quote each type, as in '{key}=\"{value.strip(chr(34))}\"'"
    if key != override and not re.search(r"[][(){}<>,'\"$]", value):
        return f"{override}: cannot be parsed; quote the value, as in '{key}=\"{value}\"'"
    function = re.search(r"Unknown function '(\w+)'", text)
    if function:
        return (
            f"{override}: there is no function {function[1]}; functions are choice, range, glob, sort, shuffle, int, "
            "float, str and bool; quote the value if it is a text"
        )
    return f"{override}: cannot be parsed; close its brackets, and quote what has special characters"


def _no_choice(missing: str, options: Iterable[str]) -> str:
    group, _, name = missing.rpartition("/")
    known = sorted(options)
    if group == "hydra/launcher" and (absent := launchers.missing(name)):
        return absent
    if not known:
        return f"{missing}: there is no such file in the configuration; correct the defaults list that names it"
    return f"{group}: there is no '{name}'{_meant(name, known)}; choices are {', '.join(known)}"


def _no_key(found: re.Match[str], keys: tuple[str, ...]) -> str:
    key = found[1]
    return f"{key}: there is no such key or group{_meant(key, keys)}; see conf/config.yaml"


def _unfit(found: re.Match[str], keys: tuple[str, ...]) -> str:
    key, _, value = found[1].lstrip("+").partition("=")
    return f"{key}: must be a map, found {value}; override one key below it, or write {key}={{name: value}}"


def _unset(found: re.Match[str], keys: tuple[str, ...]) -> str:
    name = found[1]
    return f"{found[2]}: the environment variable {name} is not set; set it, or write ${{oc.env:{name},default}}"


def _dangling(found: re.Match[str], keys: tuple[str, ...]) -> str:
    return f"{found[2]}: ${{{found[1]}}} names no key{_meant(found[1], keys)}; correct the reference"


def _unnamed(found: re.Match[str], keys: tuple[str, ...]) -> str:
    return f"{found[1]}: a value is missing; set it"


def _bad_key(found: re.Match[str], keys: tuple[str, ...]) -> str:
    key, _, value = found[1].lstrip("+").partition("=")
    return f"{key}: a key of a map is no text in {value}; write each key in quotes"


def _unlisted(found: re.Match[str], keys: tuple[str, ...]) -> str:
    group, key = found[1], found[1].partition("@")[0]
    if key not in keys:
        return _no_key(found, keys)
    return f"{group}: the defaults list of config.yaml names no {group}; add it there, or write +{group}=…"


def _unhydrated(found: re.Match[str], keys: tuple[str, ...]) -> str:
    return (
        f"{found[2]}: ${{hydra:{found[1]}}} has no value in a build; there are runtime.cwd, runtime.choices.<group>, "
        "job.name, job.num and job.override_dirname"
    )


_TOLD: tuple[tuple[str, Any], ...] = (
    (r"Key type: .*Error merging override (.+)", _bad_key),
    (r"could not be converted to (\w+) of Error merging override \+*([^=]+)=(.*)",
     lambda found, _: f"{found[2]}: must be of type {found[1]}, found {found[3]}"),
    (r"Could not delete from config\. '([^']+)' does not exist", lambda found, keys: f"~{_no_key(found, keys)}"),
    (r"Could not delete from config\. The value of '([^']+)' is (.*) and not (.*)\.$",
     lambda found, _: f"~{found[1]}: its value is {found[2]}, not {found[3]}; write ~{found[1]}="),
    (r"Could not delete '([^'=]+)=?[^']*'\. No match",
     lambda found, _: f"~{found[1]}: the defaults list has no such choice; leave it out"),
    (r"Could not append to config\. An item is already at '([^']+)'",
     lambda found, _: f"+{found[1]}: there is such a key already; leave out the +"),
    (r"Unsupported interpolation type (\S+) full_key: (\S+)",
     lambda found, _: f"{found[2]}: ${{{found[1]}:…}} is none of the resolvers, which are oc.env, oc.select, "
     "oc.decode, oc.create, oc.dict.keys, oc.dict.values, hydra and now; correct it"),
    (r"Recursive interpolation.* full_key: (\S+)",
     lambda found, _: f"{found[1]}: its ${{…}} leads back to itself; write a value"),
    (r"(\S+) appears more than once in the final defaults list",
     lambda found, _: f"{found[1]}: stands more than once in the defaults list; keep one"),
    (r"Multiple values for (\S+)\. To override a value use '(.*)'",
     lambda found, _: f"{found[1]}: has two choices in the defaults list; keep one, or write {found[2]}, on the "
     f"command line {found[2].removeprefix('override ').replace(': ', '=')}"),
    (r"force-add of config groups is not supported: '\+\+([^']*)'",
     lambda found, _: f"++{found[1]}: a choice of a group takes no ++; write {found[1]}"),
    (r"Duplicate _self_ defined in (\S+)",
     lambda found, _: f"{found[1]}.yaml: has _self_ twice in its defaults list; keep one"),
    (r"In '?([^':]+)'?: Override '(\S+) : .*Overrides must be at the end",
     lambda found, _: f"{found[1]}.yaml: overrides {found[2]} before the end of its defaults list; move it to the end"),
    (r"config group '([^']+)' does not exist", _no_key),
    (r"interpolation: hydra:(\S+) full_key: (\S+)", _unhydrated),
    (r"Could not override '([^']+)'\. Did you mean to override (\S+)\?",
     lambda found, _: f"{found[1]}: the defaults list has {found[2]} instead; write {found[2]}=…"),
    (r"Could not override '([^']+)'\. No match in the defaults list", _unlisted),
    (r"Could not override '([^']+)'", _no_key),
    (r"Error merging override (\S+)", _unfit),
    (r"Environment variable '([^']+)' not found\" full_key: (\S+)", _unset),
    (r"Interpolation key '([^']+)' not found full_key: (\S+)", _dangling),
    (r"Missing mandatory value: \S+(?: full_key: )?(\S+)", _unnamed),
)


def _meant(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), 1)
    return f", did you mean '{close[0]}'" if close else ""
