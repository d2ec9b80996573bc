"""How known senders sign their webhooks, and the module that checks it."""

from __future__ import annotations

import re
from importlib.resources import files

from readybook.records import record

AGE = """    if not _is_fresh(timestamp):
        raise refused
"""
FRESH = '''

def _is_fresh(timestamp: str) -> bool:
    """Whether the time at which the sender signed is near to now: an old request may be a recorded one."""
    return timestamp.isdecimal() and len(timestamp) < 13 and abs(time.time() - int(timestamp)) <= TOLERANCE_SECONDS
'''
KEY = '''

def _key(secret: str) -> bytes:
    """The key behind a secret: ``whsec_`` and base64, or the text itself."""
    if not secret.startswith("whsec_"):
        return secret.encode()
    return base64.b64decode(secret.removeprefix("whsec_"))
'''


@record
class Sender:
    """A way to sign. ``words`` finds the sender in a route's names; ``read`` is code that sets ``given`` (the
    signatures), ``expected`` (bytes) and, where ``timed``, ``timestamp``; ``docs`` says where it is described."""

    name: str
    words: str
    docs: str
    timed: bool
    imports: tuple[str, ...]
    read: str

    def module(self) -> str:
        """The module's text, with its setting still a placeholder."""
        text = files(__package__).joinpath("webhook_signature.py.tmpl").read_text(encoding="utf-8")
        imports = sorted({"hmac", "hashlib", *self.imports, *(("time",) if self.timed else ())})
        functions = (FRESH if self.timed else "") + (KEY if "_key(" in self.read else "")
        parts = {
            "title": f"Signatures of {self.label}: {self.docs}.", "imports": "\n".join(f"import {i}" for i in imports),
            "name": self.dependency, "fresh": ", and not long ago" if self.timed else "", "setting": self.setting,
            "read": self.read.rstrip("\n"), "age": AGE if self.timed else "", "functions": functions,
        }
        for key, value in parts.items():
            text = text.replace(f"@{key}@", value)
        if not self.timed:
            text = text.replace("TOLERANCE_SECONDS = 300\n\n\n", "\n").replace("status\n\n\n\n", "status\n\n\n")
        return text.rstrip("\n") + "\n"

    @property
    def label(self) -> str:
        """What readers call the sender's requests."""
        return f"{self.name}'s webhooks" if self.name else "webhooks"

    @property
    def stem(self) -> str:
        """The name of the module."""
        return f"{self.name.lower() or 'webhook'}_signature"

    @property
    def dependency(self) -> str:
        """The name of the dependency."""
        return f"signed_by_{self.name.lower()}" if self.name else "signed_webhook"

    @property
    def setting(self) -> str:
        """The name of the setting that holds the shared secret."""
        return f"{self.name.lower()}_webhook_secret" if self.name else "webhook_secret"


STRIPE = Sender("Stripe", r"stripe", "https://docs.stripe.com/webhooks#verify-manually", True, (), """\
    pairs = [item.strip().partition("=") for item in request.headers.get("stripe-signature", "").split(",")]
    timestamp = next((value for key, _, value in pairs if key == "t"), "")
    given = [value for key, _, value in pairs if key == "v1"]
    expected = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest().encode()
""")
GITHUB = Sender("GitHub", r"github|(?:^|[/_.-])gh(?:$|[/_.-])",
                "https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries", False, (), """\
    given = [request.headers.get("x-hub-signature-256", "").removeprefix("sha256=")]
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()
""")
SLACK = Sender("Slack", r"slack", "https://docs.slack.dev/authentication/verifying-requests-from-slack", True, (), """\
    timestamp = request.headers.get("x-slack-request-timestamp", "")
    given = [request.headers.get("x-slack-signature", "").removeprefix("v0=")]
    signed = b"v0:" + timestamp.encode() + b":" + body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()
""")
SHOPIFY = Sender("Shopify", r"shopify", "https://shopify.dev/docs/apps/build/webhooks/subscribe/https", False,
                 ("base64",), """\
    given = [request.headers.get("x-shopify-hmac-sha256", "")]
    expected = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
""")
META = Sender("Meta", r"whatsapp|messenger|instagram|facebook|(?:^|[/_.-])meta(?:$|[/_.-])",
              "https://developers.facebook.com/docs/graph-api/webhooks/getting-started", False, (), """\
    given = [request.headers.get("x-hub-signature-256", "").removeprefix("sha256=")]
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()
""")
STANDARD = Sender("", r"", "https://www.standardwebhooks.com", True, ("base64",), """\
    ident, timestamp = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
    given = [part.removeprefix("v1,") for part in request.headers.get("webhook-signature", "").split()]
    signed = f"{ident}.{timestamp}.".encode() + body
    expected = base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest())
""")
KNOWN = (STRIPE, GITHUB, SLACK, SHOPIFY, META)
# senders with ways of their own that no small module checks: a package of theirs, or public keys
OTHERS = {
    "Twilio": r"twilio", "PayPal": r"paypal", "Telegram": r"telegram|(?:^|[/_.-])tg(?:$|[/_.-])", "Discord": r"discord",
    "SendGrid": r"sendgrid", "Mailgun": r"mailgun", "Razorpay": r"razorpay", "Mercado Pago": r"mercado_?pago",
    "GitLab": r"gitlab", "Paddle": r"paddle", "Square": r"(?:^|[/_.-])square", "Zoom": r"(?:^|[/_.-])zoom",
    "Linear": r"(?:^|[/_.-])linear(?:$|[/_.-])", "HubSpot": r"hubspot", "Twitch": r"twitch",
    "LINE": r"(?:^|[/_.-])line(?:$|[/_.-])", "VNPAY": r"vnpay", "MoMo": r"(?:^|[/_.-])momo(?:$|[/_.-])",
    "M-Pesa": r"m_?pesa", "Paystack": r"paystack", "Flutterwave": r"flutterwave", "YooKassa": r"yookassa|yoomoney",
}


def sender_of(text: str) -> tuple[Sender, str]:
    """(how its requests are checked, its name) of the sender that a route's names tell; empty when they tell none."""
    for sender in KNOWN:
        if re.search(sender.words, text, re.IGNORECASE):
            return sender, sender.name
    for name, words in OTHERS.items():
        if re.search(words, text, re.IGNORECASE):
            return STANDARD, name
    return STANDARD, ""
