"""Emotiv's Cortex: let in, authorized, connected, subscribed; what it refuses and warns of; whom it is trusted by."""

import asyncio
import datetime
import logging
import ssl

import numpy as np
import pytest

from affectbio.acquire.dialogues import CortexDialogue, cortex_certificates
from affectbio.acquire.drivers import make_driver
from affectbio.devices import load_device
from affectbio.errors import ConfigError
from tests.acquire.fakes.cortex import CLIENT, Cortex
from tests.acquire.fakes.session import QUICK, running, until
from tests.acquire.fakes.sink import Gathered


@pytest.fixture(autouse=True)
def client(monkeypatch):
    for name, value in CLIENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("EMOTIV_LICENSE", raising=False)
    monkeypatch.delenv("AFFECTBIO_CORTEX_CA", raising=False)
    monkeypatch.setattr(CortexDialogue, "poll_s", 0.02)
    monkeypatch.setattr(CortexDialogue, "connected_s", 1.0)


def session(work, cortex=None, which="", profile="epoc-x"):
    """Run ``work(cortex, driver, sink)`` while the driver runs."""
    cortex, sink = cortex or Cortex(), Gathered()

    async def run():
        async with cortex:
            driver = make_driver(load_device(profile), [sink], address=f"{cortex.url}/{which}", backoff=QUICK)
            async with running(driver):
                await work(cortex, driver, sink)

    asyncio.run(run())
    return cortex, sink


def said(sink, words):
    return any(words in word for word in sink.words)


def test_a_session_from_the_door_to_the_samples(caplog):
    caplog.set_level(logging.DEBUG)
    rows = np.random.default_rng(0).normal(4200, 50, (300, 14))

    async def work(cortex, driver, sink):
        await until(lambda: driver.n_connections == 1)
        for k, row in enumerate(rows):
            if k not in (100, 101):
                await cortex.eeg(k % 128, row.tolist())
        await cortex.send({"dev": [4, 1, [4] * 15, 87], "time": 1.0})
        await until(lambda: driver.counts[0].n_samples == 298 and driver.battery == 87)
        assert driver.counts[0].n_lost == 2
        assert driver.n_bad == 0

    cortex, sink = session(work)
    assert np.allclose(sink.of(0)[0], 1e-6 * np.delete(rows, (100, 101), axis=0).T)
    assert cortex.methods == [
        "requestAccess", "authorize", "queryHeadsets", "controlDevice", "queryHeadsets", "createSession", "subscribe",
        "updateSession",
    ]  # fmt: skip
    assert sink.words == ["connecting", "streaming", "stopped"]
    # The fake server logs what it hears; the client must not.
    logged = [record.getMessage() for record in caplog.records if record.name != "websockets.server"]
    everything = " ".join(logged + sink.words)
    for secret in (*CLIENT.values(), "a-token-for-nobody-else"):
        assert secret not in everything


@pytest.mark.parametrize("name", CLIENT)
def test_without_id_or_secret_it_ends_and_says_where_they_come_from(name, monkeypatch):
    monkeypatch.delenv(name)

    async def ends():
        async with Cortex() as cortex:
            await make_driver(load_device("epoc-x"), [], address=cortex.url).run()

    with pytest.raises(ConfigError, match=f"has no {name}; Emotiv gives one"):
        asyncio.run(ends())


@pytest.mark.parametrize(("code", "words"), [(9, ""), (10, "declined affectbio in EMOTIV Launcher")])
def test_the_user_is_waited_for(code, words):
    async def work(cortex, driver, sink):
        cortex.granted = False
        await until(lambda: said(sink, "waiting for the user to let affectbio in"))
        cortex.granted = True
        await cortex.warn(code)
        await until(lambda: said(sink, words) if words else driver.n_connections == 1)

    session(work)


@pytest.mark.parametrize(
    ("method", "advice"),
    [
        ("requestAccess", "check EMOTIV_CLIENT_ID and EMOTIV_CLIENT_SECRET, and that somebody is logged in"),
        ("authorize", "check EMOTIV_CLIENT_ID and EMOTIV_CLIENT_SECRET, the licence (EMOTIV_LICENSE)"),
        ("controlDevice", "is the headset on, near and charged?"),
        ("createSession", "is another program using the headset?"),
        ("subscribe", "raw EEG needs a licence"),
        ("queryHeadsets", "Cortex refused queryHeadsets: no (code -32000)"),
    ],
)
def test_what_cortex_refuses_is_told_with_its_words_and_what_to_do(method, advice):
    async def work(cortex, driver, sink):
        cortex.errors[method] = (-32000, "no")
        await until(lambda: said(sink, f"Cortex refused {method}: no (code -32000)") and said(sink, advice))
        cortex.errors.clear()
        await until(lambda: driver.n_connections == 1)

    session(work)


def test_a_licence_that_is_named_is_asked_for(monkeypatch):
    monkeypatch.setenv("EMOTIV_LICENSE", "licence-7")

    async def work(cortex, driver, sink):
        await until(lambda: driver.n_connections == 1)

    cortex, _ = session(work)
    assert dict(cortex.heard)["authorize"]["license"] == "licence-7"


def test_streams_that_fail():
    async def work(cortex, driver, sink):
        cortex.failures = {"eeg": "no licence for raw EEG"}
        await until(lambda: said(sink, "Cortex does not send eeg: no licence for raw EEG; raw EEG needs"))
        cortex.failures = {"dev": "busy"}
        await until(lambda: driver.n_connections == 1)
        assert said(sink, "Cortex does not send dev: busy")

    session(work)


@pytest.mark.parametrize(
    ("headsets", "which", "words"),
    [
        ({}, "", "Cortex sees no Emotiv EPOC X. Is it on"),
        ({"INSIGHT-1": "connected"}, "", "Cortex sees no Emotiv EPOC X"),
        ({"EPOCX-1": "connected"}, "EPOCX-2", "Cortex sees no EPOCX-2"),
        ({"EPOCX-1": "connected", "EPOCX-2": "discovered"}, "", "expected one headset, found EPOCX-1, EPOCX-2"),
    ],
)
def test_a_headset_that_is_not_there_or_one_of_several(headsets, which, words):
    async def work(cortex, driver, sink):
        await until(lambda: said(sink, words))
        assert driver.n_connections == 0

    session(work, Cortex(headsets), which)


def test_one_of_several_is_chosen_by_its_id():
    async def work(cortex, driver, sink):
        await until(lambda: driver.n_connections == 1)

    cortex, _ = session(work, Cortex({"EPOCX-1": "connected", "EPOCX-2": "discovered"}), "EPOCX-2")
    assert dict(cortex.heard)["createSession"]["headset"] == "EPOCX-2"


def test_another_model_than_the_profile_says_is_an_error():
    async def work(cortex, driver, sink):
        await until(lambda: said(sink, "EPOCX-1234 has no F7, F3"))

    session(work, Cortex(electrodes=["AF3", "T7", "Pz", "T8", "AF4"]))


@pytest.mark.parametrize(("code", "words"), [(102, "it could not be reached in time"), (None, "still discovered")])
def test_a_headset_that_does_not_connect(code, words, monkeypatch):
    monkeypatch.setattr(CortexDialogue, "connected_s", 0.2 if code is None else 20.0)

    async def work(cortex, driver, sink):
        cortex.connects = False
        await until(lambda: "controlDevice" in cortex.methods)
        if code is not None:
            await cortex.warn(code, "timeout")
        await until(lambda: said(sink, f"Cortex does not connect to EPOCX-1234: {words}"))

    session(work)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "cancelled the streams"),
        (1, "closed the session"),
        (103, "is disconnected"),
        (3, "logged out"),
        (20, "300 MB"),
    ],
)
def test_a_session_that_cortex_ends_is_lost_and_begun_anew(code, words):
    async def work(cortex, driver, sink):
        await until(lambda: driver.n_connections == 1)
        await cortex.eeg(0, [4200.0] * 14)
        await until(lambda: driver.counts[0].n_samples == 1)
        cortex.headsets["EPOCX-1234"] = "discovered"
        # Of somebody else's session, and of another headset: neither is ours.
        await cortex.warn(1, {"sessionId": "another", "message": "closed"})
        await cortex.warn(103, {"headsetId": "EPOCX-9999"})
        await cortex.warn(code, {"sessionId": cortex.sessions[-1]} if code < 2 else "message")
        await until(lambda: driver.n_connections == 2)
        await cortex.eeg(64, [4200.0] * 14)
        await until(lambda: driver.counts[0].n_samples == 2)

    _, sink = session(work)
    assert sum(words in word for word in sink.words) == 1
    assert sum(word.startswith("lost") for word in sink.words) == 1


def test_a_server_that_goes_away_and_a_disk_that_fills():
    async def work(cortex, driver, sink):
        await until(lambda: driver.n_connections == 1)
        await cortex.warn(19)
        await until(lambda: said(sink, "less than 1 GB left"))
        await cortex.drop()
        await until(lambda: driver.n_connections == 2)

    _, sink = session(work)
    assert said(sink, "the server closed the connection")


def test_a_server_that_does_not_answer(monkeypatch):
    monkeypatch.setattr(CortexDialogue, "timeout_s", 0.05)

    class Mute(Cortex):
        async def _talk(self, socket):
            async for _ in socket:
                pass

    async def work(cortex, driver, sink):
        await until(lambda: said(sink, "does not answer requestAccess within 0.05 s"))

    session(work, Mute())


@pytest.fixture
def certificate(tmp_path):
    """A server's certificate, and the authority that signed it, which does not say what its key is for: as Emotiv's."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("authority", "localhost")}
    names = {name: x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]) for name in keys}
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(keys["authority"].public_key())
    now = datetime.datetime.now(datetime.UTC)

    def signed(name, *extensions):
        builder = x509.CertificateBuilder().subject_name(names[name]).issuer_name(names["authority"])
        builder = builder.public_key(keys[name].public_key()).serial_number(1 + len(extensions))
        builder = builder.not_valid_before(now - datetime.timedelta(hours=1))
        builder = builder.not_valid_after(now + datetime.timedelta(hours=1))
        for extension, critical in ((above, False), *extensions):
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(keys["authority"], hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    below = x509.SubjectKeyIdentifier.from_public_key(keys["authority"].public_key())
    authority = tmp_path / "rootCA.pem"
    authority.write_bytes(signed("authority", (x509.BasicConstraints(ca=True, path_length=None), True), (below, False)))
    private = keys["localhost"].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    server = tmp_path / "server.pem"
    server.write_bytes(signed("localhost", (x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server)
    return authority, context


@pytest.mark.parametrize("trusted", ["", "file", "off"])
def test_a_certificate_is_trusted_only_where_somebody_said_so(certificate, trusted, monkeypatch):
    file, context = certificate

    def as_from_python_3_13_on(make=ssl.create_default_context):
        strict = make()
        strict.verify_flags |= ssl.VERIFY_X509_STRICT
        return strict

    monkeypatch.setattr(ssl, "create_default_context", as_from_python_3_13_on)
    if trusted:
        monkeypatch.setenv("AFFECTBIO_CORTEX_CA", str(file) if trusted == "file" else "off")

    async def work(cortex, driver, sink):
        if trusted:
            await until(lambda: driver.n_connections == 1)
        else:
            await until(lambda: said(sink, "is signed by nobody known here") and said(sink, "AFFECTBIO_CORTEX_CA"))
            assert not cortex.heard

    session(work, Cortex(certificates=context))


def test_certificates_that_cannot_be_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("AFFECTBIO_CORTEX_CA", "off")
    with pytest.raises(ConfigError, match=r"is for this machine only, and Cortex is at cortex\.example"):
        cortex_certificates("wss://cortex.example:6868")
    for content in (None, b"", b"nonsense"):
        file = tmp_path / "ca.pem"
        if content is not None:
            file.write_bytes(content)
        monkeypatch.setenv("AFFECTBIO_CORTEX_CA", str(file))
        with pytest.raises(ConfigError, match="which gives no certificate"):
            cortex_certificates("wss://localhost:6868")


def test_the_profiles_address_is_a_headset_or_a_server():
    driver = make_driver(load_device("epoc-x"), [], address="EPOCX-12")
    assert (driver.transport.url, driver.which) == ("wss://localhost:6868", "EPOCX-12")
    assert driver.transport.certificates.verify_mode is ssl.CERT_REQUIRED
    driver = make_driver(load_device("insight"), [], address="ws://10.0.0.2:6868/INSIGHT-3")
    assert (driver.transport.url, driver.which) == ("ws://10.0.0.2:6868", "INSIGHT-3")
