"""Emotiv's Cortex: the session that its WebSocket wants before it sends EEG.

Methods, warnings and errors of emotiv.gitbook.io/cortex-api (read November 2026) and Emotiv's cortex-example.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from affectbio.acquire.dialogues.base import Dialogue
from affectbio.errors import ConfigError, StreamError

__all__ = ["CortexDialogue", "cortex_certificates"]

_ID, _SECRET, _LICENCE, _CA = "EMOTIV_CLIENT_ID", "EMOTIV_CLIENT_SECRET", "EMOTIV_LICENSE", "AFFECTBIO_CORTEX_CA"
# Warnings of Cortex: which end a session, which end the wait for the user, and which end the wait for the headset.
_ENDED = {
    0: "Cortex cancelled the streams; was the headset switched off, or out of range?",
    1: "Cortex closed the session; was the headset switched off, or out of range?",
    3: "the user logged out of EMOTIV Launcher",
    20: "there are less than 300 MB left on the disk, so Cortex disconnected the headset",
    103: "the headset is disconnected",
}
_GRANTED, _DECLINED = 9, 10
_NO_CONNECTION = {
    102: "it could not be reached in time; is it on and near?",
    103: "it is disconnected",
    112: "it does not work with this machine's Bluetooth; use its USB dongle",
    113: "motion data could not be switched off",
}
# What to do about the errors a user meets.
_ADVICE = {
    "requestAccess": f"check {_ID} and {_SECRET}, and that somebody is logged in to EMOTIV Launcher",
    "authorize": f"check {_ID} and {_SECRET}, the licence ({_LICENCE}) and the connection to the internet",
    "controlDevice": "is the headset on, near and charged?",
    "createSession": "is another program using the headset?",
    "subscribe": "raw EEG needs a licence of Emotiv's",
}


class CortexDialogue(Dialogue):
    """Access, token, headset, session and subscription; see `affectbio.acquire.dialogues.Dialogue`.

    The program's client id and secret, from Emotiv's web site, come from the environment: ``EMOTIV_CLIENT_ID`` and
    ``EMOTIV_CLIENT_SECRET``; ``EMOTIV_LICENSE`` names a licence where the account has several. They, and the token that
    Cortex gives for them, are neither logged nor written anywhere, and appear in no message.
    """

    #: How long the user has to let the program in, and the headset to connect, in seconds.
    granted_s, connected_s = 60.0, 30.0
    #: How often to ask whether it is connected, in seconds.
    poll_s = 1.0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._numbers = count(1)
        self._token = self._session = self._name = ""
        self._warned: dict[int, Any] = {}

    async def open(self) -> None:
        """Get a session and subscribe; see `affectbio.acquire.dialogues.Dialogue.open`.

        Raises
        ------
        ConfigError
            If the environment does not hold the client id and secret.
        StreamError
            If Cortex refuses, there is no headset, or it has other electrodes than the profile.
        """
        credentials = {"clientId": _from_environment(_ID), "clientSecret": _from_environment(_SECRET)}
        await self._let_in(credentials)
        licence = {"license": os.environ[_LICENCE]} if os.environ.get(_LICENCE) else {}
        authorized = await self._call("authorize", **credentials, **licence, debit=1)
        self._token = str(authorized["cortexToken"])
        self._name = headset = await self._headset()
        session = await self._call("createSession", cortexToken=self._token, headset=headset, status="active")
        self._session = str(session["id"])
        subscribed = await self._call(
            "subscribe", cortexToken=self._token, session=self._session, streams=["eeg", "dev"]
        )
        for failed in subscribed.get("failure", []):
            words = f"{failed.get('streamName')}: {failed.get('message')}"
            if failed.get("streamName") == "eeg":
                raise StreamError(f"Cortex does not send {words}; {_ADVICE['subscribe']}")
            self.tell(f"Cortex does not send {words}")
        columns = self.decoder.columns.get("eeg", [])
        missing = [name for name in self.device.streams[0].channels if name not in columns]
        if missing:
            raise StreamError(
                f"{headset} has no {', '.join(missing)}, so it is no {self.device.title}; it sends "
                f"{', '.join(c for c in columns if isinstance(c, str))}"
            )

    async def close(self) -> None:
        """End the session; the headset stays connected to Cortex."""
        if self._session:
            await self._say("updateSession", cortexToken=self._token, session=self._session, status="close")

    def heard(self) -> None:
        """Look through Cortex's warnings."""
        super().heard()
        warnings, self.decoder.warnings = self.decoder.warnings, []
        for code, message in warnings:
            self._warned[code] = message
            about = message if isinstance(message, dict) else {}
            # Others are of another program's session, or another headset.
            ours = about.get("sessionId", self._session) == self._session
            ours &= about.get("headsetId", self._name) == self._name
            if code in _ENDED and self._session and ours:
                self.lost(_ENDED[code])
            elif code == 19:
                self.tell("there is less than 1 GB left on the disk; at 300 MB Cortex disconnects the headset")

    async def _let_in(self, credentials: dict[str, str]) -> None:
        access = await self._call("requestAccess", **credentials)
        if access.get("accessGranted"):
            return
        self.tell("waiting for the user to let affectbio in, in EMOTIV Launcher")
        await self.answer(
            lambda: next((code for code in (_GRANTED, _DECLINED) if code in self._warned), None),
            "for access: let affectbio in, in EMOTIV Launcher, and try again; Cortex has no answer",
            self.granted_s,
        )
        if _DECLINED in self._warned:
            raise StreamError("the user declined affectbio in EMOTIV Launcher")

    async def _headset(self) -> str:
        """Choose a headset and see that it is connected."""
        self._warned.clear()
        name = ""
        deadline = asyncio.get_running_loop().time() + self.connected_s
        while True:
            headset = self._choose(await self._call("queryHeadsets"), name)
            if headset is None:
                await self._call("controlDevice", command="refresh")
                raise StreamError(
                    f"Cortex sees no {self.which or self.device.title}. Is it on, near and charged? It is looking again"
                )
            name, status = str(headset["id"]), headset.get("status")
            if status == "connected":
                return name
            refused = next((code for code in _NO_CONNECTION if code in self._warned), None)
            if refused is not None or asyncio.get_running_loop().time() > deadline:
                why = _NO_CONNECTION[refused] if refused is not None else f"still {status}"
                raise StreamError(f"Cortex does not connect to {name}: {why}")
            if status == "discovered":
                await self._call("controlDevice", command="connect", headset=name)
            await asyncio.sleep(self.poll_s)

    def _choose(self, headsets: Any, name: str) -> dict[str, Any] | None:
        begins = name or self.which or self.device.link.name
        found = [h for h in headsets if str(h.get("id", "")).startswith(begins)] if isinstance(headsets, list) else []
        if len(found) > 1:
            raise StreamError(
                f"expected one headset, found {', '.join(str(h['id']) for h in found)}; give one as its address"
            )
        return found[0] if found else None

    async def _say(self, method: str, **params: Any) -> int:
        number = next(self._numbers)
        request = {"id": number, "jsonrpc": "2.0", "method": method, "params": params}
        await self.say(json.dumps(request).encode())
        return number

    async def _call(self, method: str, **params: Any) -> Any:
        number = await self._say(method, **params)
        message = await self.answer(lambda: self.decoder.answers.pop(number, None), method)
        error = message.get("error")
        if error is not None:
            words = f"{error.get('message')} (code {error.get('code')})" if isinstance(error, dict) else str(error)
            advice = _ADVICE.get(method)
            raise StreamError(f"Cortex refused {method}: {words}" + (f"; {advice}" if advice else ""))
        return message.get("result", {})


def _from_environment(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise ConfigError(
            f"the environment has no {name}; Emotiv gives one for a Cortex app, at emotiv.com/my-account/cortex-apps"
        )
    return value


def cortex_certificates(url: str) -> ssl.SSLContext | None:
    """Say whose certificates are trusted on the way to Cortex.

    Parameters
    ----------
    url : str
        Of the WebSocket.

    Returns
    -------
    ssl.SSLContext or None
        None for a link without encryption (``ws:``). The system's authorities and the one in the file that
        ``AFFECTBIO_CORTEX_CA`` names: Emotiv's is ``certificates/rootCA.pem`` of github.com/Emotiv/cortex-example. With
        the word ``off`` there, and only for this machine itself, anybody is trusted.

    Raises
    ------
    ConfigError
        If there is no such file, it holds no certificate, or ``off`` is said of another machine.

    Examples
    --------
    >>> cortex_certificates("ws://localhost:6868") is None
    True
    """
    where = urlsplit(url)
    if where.scheme != "wss":
        return None
    trusted = os.environ.get(_CA, "")
    context = ssl.create_default_context()
    if trusted == "off":
        if where.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise ConfigError(f"{_CA} is 'off', which is for this machine only, and Cortex is at {where.hostname}")
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    elif trusted:
        # Emotiv's authority does not say what its key is for, which Python from 3.13 on asks of every authority.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        try:
            context.load_verify_locations(Path(trusted))
        except OSError as error:
            raise ConfigError(f"{_CA} names {trusted!r}, which gives no certificate: {error}") from error
    return context
