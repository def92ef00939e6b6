"""Questions to the exchange's REST interface through Qt's own network stack: bounded, limited, never blocking."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from PyQt6 import sip
from PyQt6.QtCore import QObject, QTimer, QUrl, QUrlQuery, pyqtSignal, pyqtSlot
from PyQt6.QtNetwork import QNetworkAccessManager, QNetworkProxy, QNetworkReply, QNetworkRequest

from .text import mark

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RestAnswer", "RestClient"]

PER_SECOND = 8  # the exchange allows 10 a second and group (protocol sheet, "Rate limits")
_TIMEOUT_MS = 6000
_MOST_BYTES = 4 * 1024 * 1024
_RETRY_MS = 1200
_MOST_TRIES = 3
_TOO_MANY = 429
_CAUSES = {
    QNetworkReply.NetworkError.ConnectionRefusedError: mark("nobody answers at this address"),
    QNetworkReply.NetworkError.RemoteHostClosedError: mark("the connection was closed"),
    QNetworkReply.NetworkError.HostNotFoundError: mark("the host is not found; is there a network?"),
    QNetworkReply.NetworkError.TimeoutError: mark("no answer in time"),
    QNetworkReply.NetworkError.OperationCanceledError: mark("no answer in time"),
    QNetworkReply.NetworkError.SslHandshakeFailedError: mark("no secure connection could be made"),
    QNetworkReply.NetworkError.TemporaryNetworkFailureError: mark("the network is down"),
    QNetworkReply.NetworkError.NetworkSessionFailedError: mark("the network is down"),
}


class RestAnswer(QObject):
    """An answer that is on its way; it is a child of who asked, and is forgotten with it.

    Signals:
        done(bytes): the body.
        failed(str): one line that says why there is none, in English; said(Phrase(line)) is in the language in force.
    """

    done = pyqtSignal(bytes)
    failed = pyqtSignal(str)

    def __init__(self, url: QUrl, parent: QObject) -> None:
        super().__init__(parent)
        self.url = url
        self.tries = 0

    def cancel(self) -> None:
        """Be told nothing more; may be called more than once, also after the answer."""
        if not sip.isdeleted(self):
            self.blockSignals(True)
            self.deleteLater()


class RestClient(QObject):
    """Asks one exchange, at most eight questions a second; what is too early waits.

    Args:
        base_url: https, or http to this machine.
        parent: of the QObject.
    """

    def __init__(self, base_url: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.base_url = base_url
        self._network = QNetworkAccessManager(self)
        self._network.setProxy(QNetworkProxy(QNetworkProxy.ProxyType.NoProxy))
        self._network.setRedirectPolicy(QNetworkRequest.RedirectPolicy.ManualRedirectPolicy)
        self._network.setAutoDeleteReplies(True)
        self._waiting: deque[RestAnswer] = deque()
        self._pace = QTimer(self)
        self._pace.setInterval(1000 // PER_SECOND)
        self._pace.timeout.connect(self._ask_next)

    def get(self, path: str, query: Mapping[str, str], asker: QObject) -> RestAnswer:
        """Ask; connect to the answer's signals at once. It ends with `asker`."""
        url = QUrl(self.base_url + path)
        pairs = QUrlQuery()
        for name, value in query.items():
            pairs.addQueryItem(name, value)
        if query:
            url.setQuery(pairs)
        answer = RestAnswer(url, asker)
        self._waiting.append(answer)
        if not self._pace.isActive():
            self._pace.start()
            QTimer.singleShot(0, self._ask_next)
        return answer

    @pyqtSlot()
    def _ask_next(self) -> None:
        while self._waiting:
            answer = self._waiting.popleft()
            if not sip.isdeleted(answer) and not answer.signalsBlocked():
                self._ask(answer)
                return
        self._pace.stop()

    def _ask(self, answer: RestAnswer) -> None:
        answer.tries += 1
        request = QNetworkRequest(answer.url)
        request.setTransferTimeout(_TIMEOUT_MS)
        request.setRawHeader(b"Accept", b"application/json")
        reply = self._network.get(request)
        if reply is None:
            answer.failed.emit("Qt has no network")
            return
        reply.downloadProgress.connect(lambda got, _total: reply.abort() if got > _MOST_BYTES else None)
        reply.finished.connect(lambda: self._on_finished(reply, answer))

    def _on_finished(self, reply: QNetworkReply, answer: RestAnswer) -> None:
        if sip.isdeleted(self) or sip.isdeleted(answer) or answer.signalsBlocked():
            return
        status = reply.attribute(QNetworkRequest.Attribute.HttpStatusCodeAttribute)
        body = bytes(reply.readAll().data()) if reply.isOpen() else b""  # it is not where the client went meanwhile
        if status == _TOO_MANY and answer.tries < _MOST_TRIES:
            QTimer.singleShot(_RETRY_MS, lambda: self._again(answer))
        elif status == 200 and reply.error() == QNetworkReply.NetworkError.NoError:
            answer.done.emit(body)
            answer.deleteLater()
        else:
            answer.failed.emit(f"HTTP {status}" if status else _cause(reply))
            answer.deleteLater()

    def _again(self, answer: RestAnswer) -> None:
        if sip.isdeleted(self) or sip.isdeleted(answer):
            return
        self._waiting.append(answer)
        if not self._pace.isActive():
            self._pace.start()


def _cause(reply: QNetworkReply) -> str:
    """Return why there is no answer, in English, marked for translation where this program has words for it."""
    return _CAUSES.get(reply.error()) or reply.errorString()[:200]
