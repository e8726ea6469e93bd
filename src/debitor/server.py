"""One process that serves the books: folder, lock, store, first start, HTTP server, ready line, drain.

The HTTP server is granian, embedded: it runs in this process, on our loop, so we know when the first request can be
answered, and a signal first lets requests in flight finish and then closes the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import gc
import logging
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

from debitor import __version__, identity, logs
from debitor.apis import APIS, V2
from debitor.app import DRAIN, App
from debitor.arriving import tidy
from debitor.front.cors import Cors
from debitor.front.forwarding import Proxies
from debitor.front.limits import Limiter, Limits
from debitor.front.uploads import sweeping
from debitor.host import BooksHost
from debitor.ledger.records import Company
from debitor.listener import Listener, listening
from debitor.notifier import Notifier
from debitor.oauth import Tokens
from debitor.odata.idempotency import Idempotency
from debitor.odata.service import Service
from debitor.receiver import Receivers, in_thread
from debitor.reference import references_of
from debitor.settings import Settings
from debitor.store import Root, Store, StoreError
from debitor.store.opening import is_there, open_store
from debitor.tracing import MissingExtra, Tracing, to_endpoint
from debitor.upkeep import keep_forgetting
from debitor.watch import Watch
from debitor.workers import Workers

log = logging.getLogger("debitor")

DEMO_COMPANY = "Fernweh Outdoor Trading"
DEMO_CURRENCY = "EUR"
FIRST_ANSWER = 10.0
"""Seconds after which a server that does not answer itself gives up."""
LAST_MAIL = 20.0
"""Seconds that a mail being delivered gets when the server stops."""


class StartError(Exception):
    """The server, or a command, cannot start; the message says what to do."""


# --------------------------------------------------------------------------- the books


def work_date() -> date:
    """Today, in UTC."""
    return datetime.now(UTC).date()


def make_folder(path: Path) -> None:
    """Make the folder of the store, readable by its owner only. Raises StartError."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(
            f"The folder {path} cannot be made: {error.strerror}. Choose another with --data."
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise StartError(f"The folder {path} is not writable. Choose another with --data, or give it to this user.")


@contextlib.contextmanager
def open_books(settings: Settings, *, create: bool = False) -> Iterator[Store]:
    """The store of these settings, closed at the end.

    Args:
        create: make it when it does not exist.
    Raises:
        StartError: it does not exist, or cannot be opened.
    """
    if settings.on_server:
        where = settings.place
        with reachable_books(settings):
            if not create and not is_there(settings.store_url):
                raise StartError(
                    f"There are no books at {where}. Start debitor serve, or name their database with --database-url."
                )
    else:
        path = settings.store_path
        if not create and not path.is_file():
            raise StartError(f"There are no books at {path}. Start debitor serve, or name their folder with --data.")
        os.umask(0o077)  # the books and the signing key are for their owner only
        make_folder(path.parent)
        where = str(path)
    try:
        store = open_store(settings.store_url, replica_url=settings.replica_url)
    except StoreError as error:
        raise StartError(f"The books at {where} cannot be opened: {error}") from error
    try:
        yield store
    finally:
        store.close()


@contextlib.contextmanager
def reachable_books(settings: Settings) -> Iterator[None]:
    """Say as `open_books` does why a store cannot be had, without opening it. Raises StartError."""
    if not settings.on_server and not settings.store_path.is_file():
        raise StartError(f"There are no books at {settings.store_path}. Name their folder with --data.")
    try:
        yield
    except StoreError as error:
        raise StartError(f"The books at {settings.place} cannot be opened: {error}") from error


@contextlib.contextmanager
def only_server(path: Path) -> Iterator[None]:
    """Hold the lock that keeps a second server from these books. Raises StartError."""
    make_folder(path.parent)
    try:
        file = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StartError(f"The folder {path.parent} is not writable: {error.strerror}.") from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 20).decode("ascii", "replace").strip() or "unknown"
            told = f"Another debitor server (process {holder}) serves the books in {path.parent}."
            raise StartError(f"{told} Stop it, or choose another folder with --data.") from None
        os.truncate(file, 0)
        os.write(file, str(os.getpid()).encode())
        yield
    finally:
        os.close(file)


def free_address(host: str, port: int) -> int:
    """The port to listen on; another server there is a StartError.

    The HTTP server shares ports by SO_REUSEPORT, so it would not notice a neighbour; binding without it does.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return int(probe.getsockname()[1])
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            told = f"Port {port} on {host} is in use. Stop the program that has it, or choose another with --port."
        elif error.errno == errno.EACCES:
            told = f"This user may not listen on port {port}. Choose one above 1023 with --port."
        else:
            told = f"The server cannot listen on {host}: {error.strerror}. Choose another address with --host."
        raise StartError(told) from error


@dataclass(frozen=True, slots=True)
class Start:
    """What a start did. `client_id` and `secret` are set when it registered the first application."""

    companies: tuple[Company, ...]
    client_id: str = ""
    secret: str = ""


def first_start(root: Root, settings: Settings, today: date) -> Start:
    """Bring a store to the state that serving needs: a signing key, an application, the demo company if wanted."""
    identity.ensure_key(root, lifetime=settings.token_lifetime)
    client_id = secret = ""
    if not root.count(identity.ApiClient):
        row, secret = identity.register_client(
            root, name="first application", client_id=settings.client_id, secret=settings.client_secret
        )
        client_id = row.client_id
    if settings.demo and not root.count(Company):
        from debitor.operations.companies import create_company

        create_company(root, name=DEMO_COMPANY, currency=DEMO_CURRENCY, demo=True, today=today)
    return Start(tuple(root.all(Company)), client_id, secret)


def welcome(start: Start, settings: Settings) -> str:
    """What to print after the first start: id and secret, once, and a request to paste. Otherwise nothing."""
    if not start.client_id:
        return ""
    if settings.client_secret:
        shown, pair = "(as in DEBITOR_CLIENT_SECRET)", '"$DEBITOR_CLIENT_ID:$DEBITOR_CLIENT_SECRET"'
    else:
        shown, pair = f"{start.secret}   (shown only this once)", f"'{start.client_id}:{start.secret}'"
    lines = [f"client id      {start.client_id}", f"client secret  {shown}"]
    api = f"{settings.origin}/api/v2.0"
    if settings.demo and start.companies:
        lines += [
            "",
            "Create a customer payment:",
            "",
            f"curl -s -u {pair} -H 'Content-Type: application/json' \\",
            f"  '{api}/companies({start.companies[0].id})/customerPayments' \\",
            '  -d \'{"customerNumber": "10400", "amount": -100, "appliesToInvoiceNumber": "100000"}\'',
        ]
    elif not start.companies:
        lines += ["", f'There is no company yet: debitor company create "My Company" --data {settings.data}']
    return "\n".join([*lines, ""])


# --------------------------------------------------------------------------- serving


def serve(settings: Settings, say: Callable[[str], None]) -> int:
    """Serve until a signal says stop.

    Args:
        say: prints a line on standard output.
    Returns:
        The exit code.
    Raises:
        StartError: folder, lock, port or store cannot be had.
    """
    if sys.flags.optimize:
        raise StartError("debitor does not run under python -O or PYTHONOPTIMIZE: its assertions protect the books.")
    logs.set_up(settings.log_level, settings.log_format)
    # Servers that share a database serve it together; a file belongs to one.
    with contextlib.nullcontext() if settings.on_server else only_server(settings.store_path):
        settings = replace(settings, port=free_address(settings.host, settings.port))
        with open_books(settings, create=True) as store:
            today = work_date()
            if not settings.on_server:
                tidy(store, settings.store_path)
            try:
                with store.transaction() as root:
                    start = first_start(root, settings, today)
            except identity.ClientError as error:
                raise StartError(f"The first application cannot be registered: {error}") from error
            told = welcome(start, settings)
            if told:
                say(told)
            if settings.client_id and not start.client_id:
                with store.snapshot() as root:
                    if not root.count(identity.ApiClient, client_id=settings.client_id):
                        log.warning(
                            "DEBITOR_CLIENT_ID is not registered in these books, which have other applications; "
                            "use debitor client create"
                        )
            if settings.workers == 1:
                return _run(_serve(settings, store, start, say))
    # The store is closed: a connection belongs to one process.
    with listening(settings) as shared:

        def work(tell: Callable[[str], None]) -> int:
            with open_books(settings) as own:
                return _run(_serve(settings, own, start, tell, shared))

        return Workers(settings.workers, work, say).run()


def _run(main: object) -> int:
    import uvloop

    return int(uvloop.run(main))  # type: ignore[arg-type]


def watch_of(store: Store) -> Watch:
    """The counters of a server over this store."""
    names = {*_OWN_ROUTES}
    for api in APIS:
        for of in api.catalog.values():
            names |= {of.name, *(way.name for way in of.navigations), *(action.name for action in of.actions)}
            names |= {p.name for p in of.properties if p.type.kind == "stream"}
    watch = Watch(__version__, names)
    watch.gauge("store_waiting_jobs", "Requests that wait for a transaction.", lambda: store.waiting)
    store.observer = watch
    return watch


_OWN_ROUTES = frozenset({
    "$batch", "$count", "$metadata", "companies", "entityDefinitions", "/", "/healthz", "/readyz", "/metrics",
    "/openapi.json",
})  # fmt: skip


def tracing_of(settings: Settings) -> Tracing | None:
    """What sends traces, if the settings ask for it. Raises StartError."""
    if not settings.otlp_endpoint:
        return None
    try:
        return to_endpoint(settings.otlp_endpoint)
    except MissingExtra as error:
        raise StartError(str(error)) from error


async def _serve(
    settings: Settings,
    store: Store,
    start: Start,
    say: Callable[[str], None],
    shared: socket.socket | None = None,
) -> int:
    watch = watch_of(store)
    asker = identity.Authenticator(store, issuer=f"{settings.origin}/v2.0", lifetime=settings.token_lifetime)
    receivers = Receivers(http=settings.webhook_http, private=settings.webhook_private)
    strict, mails = settings.compat == "strict", bool(settings.smtp_url)
    hosts = {
        api.root: BooksHost(strict=strict and not api.own, mails=mails, catalog=api.catalog, posted=watch.posted)
        for api in APIS
    }
    host = hosts[V2.root]
    keys = Idempotency(settings.idempotency_lifetime)
    services = {root: Service(of, idempotency=keys) for root, of in hosts.items()}
    notifier = Notifier(store, host, receivers.post, delay=settings.webhook_delay / 1000)
    app = App(
        services.pop(V2.root),
        store,
        asker,
        origin=settings.origin,
        fixed_origin=bool(settings.public_url),
        others=services,
        proxies=Proxies(settings.trusted_proxies) if settings.trusted_proxies else None,
        max_body=settings.max_body,
        max_media=settings.max_media,
        compress=settings.compression,
        limiter=Limiter(limits_of(settings)) if settings.limits == "online" else None,
        cors=Cors(settings.cors_origins) if settings.cors_origins else None,
        https=settings.tls_cert is not None,
        references=references_of(strict=strict),
        tokens=Tokens(asker, store, refresh_lifetime=settings.refresh_lifetime),
        handshake=lambda url: in_thread(receivers.shake_hands, url),
        watch=watch,
        metrics=settings.metrics,
        request_log=logs.RequestLog(settings.log_requests),
        tracing=(tracing := tracing_of(settings)),
    )
    watch.gauge("http_requests_in_flight", "Requests that are being answered.", lambda: app.active)
    listener = Listener(app, settings, shared)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, listener.reload)
    serving = asyncio.create_task(listener.run())
    postman = asyncio.create_task(postman_of(settings, store)) if settings.smtp_url else None
    stopped = asyncio.create_task(stop.wait())
    upkeep = asyncio.create_task(keep_forgetting(store, days=settings.deletions_kept))
    notifying = asyncio.create_task(notifier.run())
    sweeper = asyncio.create_task(sweeping(store, Company))
    try:
        answered = asyncio.create_task(first_answer(settings))
        await asyncio.wait({serving, stopped, answered}, return_when=asyncio.FIRST_COMPLETED)
        if answered.done() and not stop.is_set():
            answered.result()
            # What start-up made lives as long as the process: the collector need not look at it again.
            gc.collect()
            gc.freeze()
            gc.set_threshold(20_000, 20, 50)
            count = len(start.companies)
            companies = f"{count} company" if count == 1 else f"{count} companies"
            say(
                f"debitor {__version__} ready at {settings.origin}/api/v2.0 "
                f"({companies} in {settings.place}, {settings.compat})"
            )
            await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        else:
            answered.cancel()
        if serving.done() and not stop.is_set():
            serving.result()
            raise StartError("The HTTP server ended by itself; the log may say why.")
        app.outside.draining = True
        if settings.drain_delay:
            log.info("stopping: requests are still taken for %d seconds", settings.drain_delay)
            await asyncio.sleep(settings.drain_delay)
        listener.stop()
        await asyncio.wait({serving}, timeout=DRAIN + 5)
        if not serving.done():
            log.warning("connections did not end within %g seconds and were cut", DRAIN + 5)
        return 0
    finally:
        stopped.cancel()
        upkeep.cancel()
        notifying.cancel()
        sweeper.cancel()
        if postman is not None:
            postman.cancel()
            await asyncio.wait({postman}, timeout=LAST_MAIL)
        asker.close()
        if tracing is not None:
            await asyncio.to_thread(tracing.close)


def postman_of(settings: Settings, store: Store) -> Coroutine[None, None, None]:
    """What delivers the outbox until it is cancelled."""
    from debitor.postman import Postman, Smtp

    return Postman(store, Smtp.of(settings.smtp_url, settings.mail_from), pause=settings.mail_retry).run()


def limits_of(settings: Settings) -> Limits:
    """The numbers of `limits = "online"`."""
    return Limits(
        requests=settings.limit_requests,
        window=settings.limit_window,
        at_once=settings.limit_at_once,
        queue=settings.limit_queue,
        wait=settings.limit_wait,
        work=settings.limit_work,
    )


async def first_answer(settings: Settings) -> None:
    """Ask the server whether it is ready until it answers. Raises StartError after FIRST_ANSWER seconds."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - compared, not bound
    context = None
    if settings.tls_cert:
        # The certificate names the host that clients use, perhaps not this address; it is our own server anyway.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    loop = asyncio.get_running_loop()
    end = loop.time() + FIRST_ANSWER
    answer = b""
    while loop.time() < end:
        try:
            reader, writer = await asyncio.open_connection(host, settings.port, ssl=context)
        except OSError:
            await asyncio.sleep(0.005)
            continue
        try:
            writer.write(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            answer = await reader.readline()
        finally:
            writer.close()
        if b" 200 " in answer:
            return
        await asyncio.sleep(0.05)
    raise StartError(f"The server does not answer on {host}:{settings.port}; the log may say why.")
