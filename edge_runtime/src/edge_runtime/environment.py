"""Secrets stay out of files: settings name variables of the environment, as in `rtsp://{USER}:{PASSWORD}@camera/1`."""

from __future__ import annotations

import os
import re
from urllib.parse import quote

from edge_runtime.errors import InputError

_NAME = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def with_secrets(url: str) -> str:
    """A URL with the values of the variables that it names, quoted as URLs need them. Show it to nobody.

    Raises:
        InputError: A variable is not set.
    """
    missing = sorted({name for name in _NAME.findall(url) if not os.environ.get(name)})
    if missing:
        raise InputError(
            f"{url} names {', '.join(missing)}, which the environment of the service does not hold",
            "set it for the service, such as by EnvironmentFile= of its systemd unit",
        )
    return _NAME.sub(lambda match: quote(os.environ[match[1]], safe=""), url)
