"""Mail by SMTP (RFC 5321), with TLS from the start or by STARTTLS, one connection a message."""

from __future__ import annotations

import hashlib
import ssl
from typing import TYPE_CHECKING, Literal

import msgspec

from civicloop.kernel.label import Label
from civicloop.kernel.outside.delivery import DeliveryFailed, Receipt
from civicloop.kernel.outside.ports.port import Outgoing
from civicloop.kernel.time.clock import Clock, to_datetime

if TYPE_CHECKING:
    from email.message import EmailMessage
    from smtplib import SMTP

_ADDRESS = Label("邮件地址或标题不合规。", "The mail address or subject is not valid.")
_REFUSED = Label("邮件服务器拒绝：{code}", "The mail server refused it: {code}")
_BROKEN = Label("与邮件服务器{host}的连接失败。", "The connection to the mail server {host} failed.")


class MailSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The server and the sender; `security` "none" is for a server on the same machine."""

    host: str
    sender: str
    port: int = 465
    security: Literal["tls", "starttls", "none"] = "tls"
    user: str = ""
    password: str = ""
    seconds: float = 15.0


class Mail:
    """Sends plain text to one address; the Message-ID comes from the dedupe key, so that a doubled mail shows as one."""

    name = "mail"

    def __init__(self, settings: MailSettings, clock: Clock, *, trust: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._clock = clock
        self._trust = trust

    def send(self, message: Outgoing) -> Receipt:
        """Hands the mail to the server; a 5xx answer is final, everything else is tried again."""
        import smtplib

        mail = self._composed(message)
        settings = self._settings
        try:
            with self._connected() as server:
                if settings.user:
                    server.login(settings.user, settings.password)
                server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            code = max((answer[0] for answer in error.recipients.values()), default=0)
            raise DeliveryFailed(_REFUSED.filled(code=code), permanent=code >= 500) from error
        except smtplib.SMTPAuthenticationError as error:
            raise DeliveryFailed(_REFUSED.filled(code=error.smtp_code)) from error
        except smtplib.SMTPResponseException as error:
            permanent = error.smtp_code >= 500
            raise DeliveryFailed(_REFUSED.filled(code=error.smtp_code), permanent=permanent) from error
        except (smtplib.SMTPException, OSError) as error:
            raise DeliveryFailed(_BROKEN.filled(host=settings.host)) from error
        return Receipt(self.name, mail["Message-ID"], self._clock.now())

    def _connected(self) -> SMTP:
        import smtplib

        settings = self._settings
        trust = self._trust or ssl.create_default_context()
        if settings.security == "tls":
            return smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.seconds, context=trust)
        server = smtplib.SMTP(settings.host, settings.port, timeout=settings.seconds)
        if settings.security == "starttls":
            try:
                server.starttls(context=trust)
            except BaseException:
                server.close()
                raise
        return server

    def _composed(self, message: Outgoing) -> EmailMessage:
        from email.message import EmailMessage

        domain = self._settings.sender.rpartition("@")[2].strip("> ")
        digest = hashlib.sha256(message.dedupe_key.encode()).hexdigest()[:32]
        mail = EmailMessage()
        try:
            # EmailMessage refuses a line break in a header, which would smuggle in further ones.
            mail["From"] = self._settings.sender
            mail["To"] = message.recipient
            mail["Subject"] = message.subject
            mail["Date"] = to_datetime(self._clock.wall())
            mail["Message-ID"] = f"<{digest}@{domain}>"
            mail["Auto-Submitted"] = "auto-generated"
            addresses = mail["To"].addresses
        except (ValueError, IndexError) as error:
            raise DeliveryFailed(_ADDRESS, permanent=True) from error
        if len(addresses) != 1 or not addresses[0].username or not addresses[0].domain:
            raise DeliveryFailed(_ADDRESS, permanent=True)
        mail.set_content(message.body)
        return mail
