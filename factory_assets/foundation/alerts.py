"""Alerts: what is told to people when something fails, and the sinks that carry it (log, webhook, e-mail).

Knows nothing of Dagster; when an alert is due is decided in `alerting`. Where alerts go is in `configs/alerts.yaml`;
environment variables `FACTORY_ALERTS_...` come first, and are the place for secrets.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import smtplib
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Literal, Protocol

import yaml
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, YamlConfigSettingsSource

from factory_assets.foundation.errors import FactoryError, broken_contract
from factory_assets.foundation.settings import PROJECT_ROOT

ALERTS_FILE = PROJECT_ROOT / "configs" / "alerts.yaml"
ATTEMPTS = 3
WAIT_S = 2.0


class AlertsFileError(FactoryError, ValueError):
    """The settings of alerts cannot be used; the message names the field."""


class WebhookSettings(BaseModel):
    """A POST of JSON; its `text` is what chat programs show."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    url: HttpUrl
    token: SecretStr | None = None
    timeout_s: float = Field(10, gt=0)


class EmailSettings(BaseModel):
    """A mail over SMTP; `starttls` is left off only inside a network that one trusts."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    host: str
    port: int = 587
    sender: str
    to: tuple[str, ...] = Field(min_length=1)
    user: str | None = None
    password: SecretStr | None = None
    starttls: bool = True
    timeout_s: float = Field(10, gt=0)


class AlertSettings(BaseSettings):
    """Where alerts go besides the log, and where the UI is that they link to."""

    model_config = SettingsConfigDict(
        env_prefix="FACTORY_ALERTS_", env_nested_delimiter="__", extra="forbid", frozen=True
    )
    ui_url: HttpUrl = HttpUrl("http://127.0.0.1:3000")
    webhook: WebhookSettings | None = None
    email: EmailSettings | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Values of the file come in as initial values, and the environment goes before them."""
        return env_settings, init_settings


@dataclass(frozen=True)
class Alert:
    """One thing that people are told.

    Attributes:
        plant: Where it happened.
        level: `failure` asks for somebody now, `warning` leaves time.
        what: What happened, in a few words.
        why: The error in plain words.
        assets: Which assets are concerned.
        partitions: Which partitions were asked for.
        link: The page of the run, if there was one.
        ts_utc: When it was noticed.
    """

    plant: str
    level: Literal["failure", "warning"]
    what: str
    why: str
    assets: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    link: str | None = None
    ts_utc: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))

    @property
    def subject(self) -> str:
        """One line."""
        return f"[{self.plant}] {self.level}: {self.what}"

    @property
    def text(self) -> str:
        """All of it, for people."""
        lines = [self.subject]
        lines += [f"assets: {', '.join(self.assets)}"] if self.assets else []
        lines += [f"partitions: {', '.join(self.partitions)}"] if self.partitions else []
        lines += ["", self.why]
        lines += ["", self.link] if self.link else []
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """All of it, for programs."""
        return {**asdict(self), "ts_utc": self.ts_utc.isoformat(), "text": self.text}


class Sink(Protocol):
    """Carries alerts to where people look."""

    @property
    def name(self) -> str:
        """What it is called in the log."""

    def send(self, alert: Alert) -> None:
        """Carry one alert; raises an OSError (SMTP's errors are) where it cannot."""


@dataclass(frozen=True)
class Webhook:
    """Posts alerts as JSON."""

    settings: WebhookSettings
    name: str = "webhook"

    def send(self, alert: Alert) -> None:
        """Post it; an answer other than 2xx is an error."""
        headers = {"Content-Type": "application/json"}
        if self.settings.token is not None:
            headers["Authorization"] = f"Bearer {self.settings.token.get_secret_value()}"
        body = json.dumps(alert.as_json()).encode()
        # The settings allow http and https alone.
        request = urllib.request.Request(str(self.settings.url), data=body, headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=self.settings.timeout_s):  # noqa: S310
            pass


@dataclass(frozen=True)
class Email:
    """Sends alerts by mail."""

    settings: EmailSettings
    name: str = "e-mail"

    def send(self, alert: Alert) -> None:
        """Send one mail to all recipients."""
        message = EmailMessage()
        message["Subject"] = " ".join(alert.subject.split())
        message["From"] = self.settings.sender
        message["To"] = ", ".join(self.settings.to)
        message.set_content(alert.text)
        with smtplib.SMTP(self.settings.host, self.settings.port, timeout=self.settings.timeout_s) as server:
            if self.settings.starttls:
                import ssl

                server.starttls(context=ssl.create_default_context())
            if self.settings.user is not None and self.settings.password is not None:
                server.login(self.settings.user, self.settings.password.get_secret_value())
            server.send_message(message)


def load_alert_settings(path: Path = ALERTS_FILE) -> AlertSettings:
    """The settings in force: the file, if there is one, below the environment.

    Raises:
        AlertsFileError: A field is unknown or wrong.
    """
    try:
        source = YamlConfigSettingsSource(AlertSettings, yaml_file=path)
        return AlertSettings(**source())
    except (OSError, yaml.YAMLError) as error:
        msg = f"alerts file {path} cannot be read: {error}"
        raise AlertsFileError(msg) from error
    except ValidationError as error:
        raise AlertsFileError(broken_contract(f"alerts file {path} (or FACTORY_ALERTS_...)", error)) from error


def sinks_of(settings: AlertSettings) -> list[Sink]:
    """The sinks that the settings name; the log is none of them, it gets every alert."""
    found: list[Sink] = []
    if settings.webhook is not None:
        found.append(Webhook(settings.webhook))
    if settings.email is not None:
        found.append(Email(settings.email))
    return found


def deliver(
    alert: Alert, sinks: Sequence[Sink], log: logging.Logger, *, sleep: Callable[[float], None] = time.sleep
) -> list[str]:
    """Write an alert to the log and hand it to every sink; a sink that fails is tried again, then told of in the log.

    Returns:
        The names of the sinks that did not take it.
    """
    log.log(logging.ERROR if alert.level == "failure" else logging.WARNING, "%s", alert.text)
    failed = []
    for sink in sinks:
        error = _send(sink, alert, sleep)
        if error is not None:
            log.error("the alert above did not go out by %s: %s (mend configs/alerts.yaml)", sink.name, error)
            failed.append(sink.name)
    return failed


def _send(sink: Sink, alert: Alert, sleep: Callable[[float], None]) -> Exception | None:
    """The last error of a few attempts, or None if one succeeded."""
    error: Exception | None = None
    for attempt in range(ATTEMPTS):
        if attempt:
            sleep(WAIT_S * attempt)
        try:
            sink.send(alert)
        except (OSError, smtplib.SMTPException, ValueError) as caught:
            error = caught
        else:
            return None
    return error
