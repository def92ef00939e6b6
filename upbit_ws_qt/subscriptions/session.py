"""One line's subscriptions: what to send next, and what to make of what it shows. Pure; all times are passed in."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from upbit_ws_qt.errors import RecoveryError
from upbit_ws_qt.subscriptions.batcher import RateLimitAwareSubscriptionBatcher, SubscriptionChange
from upbit_ws_qt.subscriptions.demand import same_request
from upbit_ws_qt.subscriptions.lister import Lister, Listing
from upbit_ws_qt.subscriptions.open_requests import OpenRequests
from upbit_ws_qt.subscriptions.planner import urgent_part
from upbit_ws_qt.subscriptions.restore import listed_streams
from upbit_ws_qt.subscriptions.silence import SilenceJudge
from upbit_ws_qt.subscriptions.splitting import SplitWatch
from upbit_ws_qt.subscriptions.table import LineTable
from upbit_ws_qt.subscriptions.verdict import SyncVerdict
from upbit_ws_qt.text import Phrase, safe_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.demand import Demand
    from upbit_ws_qt.subscriptions.line import LimiterLike
    from upbit_ws_qt.subscriptions.memory import EndpointMemory
    from upbit_ws_qt.subscriptions.planner import OptimizationResult
    from upbit_ws_qt.wire import ServerError, SubscriptionList

__all__ = ["LineSession", "Step", "StepKind"]


class StepKind(Enum):
    """What to do next."""

    REQUEST = auto()
    LIST = auto()
    WAIT = auto()


class Step(NamedTuple):
    """What to do next: now, or for WAIT after `delay` seconds (None: until something happens)."""

    kind: StepKind
    delay: float | None = None


class LineSession:
    """The subscription side of one line, from its first request to its end.

    The shell that owns the socket asks `next_step`, sends what `take_request` or `take_list` gives, and reports what it
    sees by the `on_…` methods.

    Attributes:
        table: what was asked for and what came of it.
        refused: the error that ended the latest request, None while all is well.
        opened_at: when this session began.
        is_syncing: whether it is still being proved.
        is_candidate: whether another line serves meanwhile, so that nothing may be taken from that one.
    """

    def __init__(self, memory: EndpointMemory, limiter: LimiterLike, now: float, *, is_candidate: bool = False) -> None:
        self._memory = memory
        self._limiter = limiter
        self.is_candidate = is_candidate
        self.is_syncing = True
        self.table = LineTable(memory)
        self.refused: ServerError | None = None
        self.opened_at = now
        self._batcher = RateLimitAwareSubscriptionBatcher(limiter, gather=memory.patience.gather)
        self._is_first = True
        self._asks_again = self._has_changes = False
        self._stage_left = False
        self._lister = Lister(memory.patience.list_answer)
        self._verdict = SyncVerdict(memory, self.table.proof, self._lister)
        self._split = SplitWatch(memory)
        self._requests = OpenRequests(memory, self._split)
        self._silence = SilenceJudge(memory, self.table, self._split, self._lister)
        self._mute_until: float | None = None
        self._last_sent = self._last_request = now

    # -- what the shell asks ----------------------------------------------------------------------------------------

    def wishes_changed(self, now: float) -> None:
        """Note that the union, or what is owed once, may have changed."""
        if not self.is_candidate:
            self._memory.counters.changes += 1
            self._has_changes = True
        self._queue(now)

    def next_step(self, now: float) -> Step:
        """Return what to do now, after `tick`."""
        if self._mute_until is not None:
            return Step(StepKind.WAIT, self._mute_until - now)
        request = None if self._awaits_control else self._request_delay(now)
        listing = self._list_delay(now)
        if listing is not None and listing <= 0.0 and (request is None or request > 0.0 or self._lister.starves(now)):
            return Step(StepKind.LIST)
        if request is not None and request <= 0.0:
            return Step(StepKind.REQUEST)
        timers = [delay for delay in (request, listing, self._next_timer(now)) if delay is not None]
        return Step(StepKind.WAIT, max(0.0, min(timers)) if timers else None)

    def take_request(self, now: float) -> OptimizationResult | None:
        """Return the request to send now, None where nothing has to be sent after all."""
        once = self.table.new_once()
        if self._is_first and self._memory.doubts_key and self._ask_for_control(now):
            return None
        is_first, self._is_first = self._is_first, False
        is_urgent = self.table.needs_repair or self._stage_left
        # A first request or a repair asks plainly for all: it depends on nothing that is not known for sure.
        flowing = {} if is_urgent else self.table.flowing
        self.table.needs_repair = self._stage_left = False
        if is_urgent:
            wanted: Mapping[StreamKey, Demand] | None = self.table.wanted()
            self._batcher.clear()
        else:
            wanted = self._batcher.process_batched_changes(self.table.asked, now, insist=bool(once) or self._asks_again)
            if wanted is None and self._has_changes and not self._batcher.is_waiting:
                self._has_changes = False
                self._memory.counters.cancelled += 1
        if wanted is None or not (wanted or once):
            if not self.table.asked and self._memory.search.is_searching:
                self._ask_for_control(now)
            return None
        if is_first and (urgent := urgent_part(wanted)):
            self._stage_left = True
            wanted, once = urgent, {}
        return self._memory.planner.optimize_subscriptions(
            wanted,
            flowing=flowing,
            refresh=self.table.refresh | once.keys(),
            once=once,
            plainly=self._memory.search.is_open,  # a refusal shall say something of the suspects alone
        )

    def on_request_sent(self, plan: OptimizationResult, size: int, now: float) -> None:
        """Note that a request is leaving now; call it before the socket is given the bytes."""
        suspects = self._requests.suspects(plan, self.table.asked)
        new, gone, once, expected = self.table.note_request(plan, now)
        is_trial = self._split.note_request(plan, expected, now)
        self._requests.note(suspects, plan.snapshots.union(new), now, is_trial=is_trial)
        self._memory.count_request(
            size, plan.snapshots, new.keys() | once, is_needed=bool(new or gone or once) and not self._stage_left
        )
        self._last_sent = self._last_request = now
        self._asks_again = self._has_changes = False
        self._plan_list(new, now)

    def take_list(self, ticket: str, now: float) -> None:
        """Note that LIST_SUBSCRIPTIONS with this ticket is leaving now."""
        self._lister.sent(Listing(ticket, now, self._requests.number, self.table.asked, self._split.mixed_types))
        self._last_sent = now
        self._memory.count_list(is_needed=self.is_syncing)

    def is_synchronised(self, now: float) -> bool:
        """Whether everything wanted was asked for and is proved, or known not to come."""
        if self.table.needs_repair or self._stage_left or self._mute_until is not None or self.refused is not None:
            return False
        return self._verdict.is_proved(self._last_sent, now)

    def sync_error(self, now: float) -> RecoveryError | None:
        """Return why this line cannot be proved, None while it still may."""
        if self.refused is not None:
            reason = Phrase("the exchange refused the request: {error}", error=safe_text(self.refused.name, 40))
            return RecoveryError(self._memory.ws_type.value, reason)
        return self._verdict.error(self._last_sent, now)

    def promoted(self, now: float) -> None:
        """Note that this line serves from now on."""
        self.is_syncing = self.is_candidate = False
        memory = self._memory
        memory.blank_lines = 0
        memory.doubts_key = False
        wanted = self.table.wanted()
        memory.served_before &= wanted.keys()
        memory.unserved_before &= wanted.keys()
        memory.unlisted_before &= wanted.keys()
        if not same_request(self.table.asked, wanted):
            self._batcher.queue_subscription_change(SubscriptionChange(wanted, now))

    # -- what the line shows ----------------------------------------------------------------------------------------

    def on_data(self, stream: StreamKey, now: float, *, is_snapshot: bool) -> bool:
        """Take note of data; return whether something was waiting for it."""
        if is_snapshot:
            self._split.on_snapshot(stream)
        is_owed_once = stream in self.table.once
        if is_owed_once and self.table.settle_once(stream, served=True):
            self._queue(now)
        if not self.table.proof.on_data(stream, now):
            return is_owed_once
        self.table.served(stream)
        self._requests.taken_by_data(stream)
        return True

    def on_list(self, answer: SubscriptionList, now: float) -> None:
        """Take the exchange's list; one that was not asked for is passed over."""
        listing = self._lister.answered(answer.ticket, now)
        if listing is None:
            return
        table = self.table
        self._requests.taken_by_list(listing.number)
        listed = listed_streams(answer)
        asked = {stream: demand for stream, demand in listing.union.items() if stream in table.asked}
        proved, missing = table.proof.on_list(listed, asked, now)
        for stream in proved:
            table.served(stream)
        self._split.on_list(missing, listing.mixed_types)
        surplus = listed - listing.union.keys() - self._memory.desk.owed.keys() - table.once.keys()
        has_surplus = bool(surplus and listing.union)
        if not missing and not has_surplus:
            table.repairs.clean()
            return
        table.repair_missing(missing, now)
        if has_surplus and not table.repairs.is_exhausted and not table.needs_repair:
            table.start_repair()

    def on_error(self, error: ServerError, now: float) -> None:
        """Take an error: it refuses the requests that were not answered, and the exchange closes the line."""
        memory = self._memory
        self._mute_until = now + memory.patience.mute
        refused, was_listing = self._requests.drop(), self._lister.drop()
        if error.name == "TOO_MANY_REQUEST":
            memory.counters.refusals += 1  # the line itself has told its limiter
        elif refused:
            self.refused = error
            self._requests.blame(refused, error, is_candidate=self.is_candidate)
        elif error.name == "INVALID_AUTH":
            self.refused = error
        elif was_listing:
            memory.list_refusals += 1
        else:
            memory.counters.stray_errors += 1

    def tick(self, now: float) -> None:
        """Draw the conclusions that are due."""
        if self._mute_until is not None:
            if now < self._mute_until:
                return
            self._mute_until = self.refused = None
            self.table.restart()
        if self._lister.check(now):
            self._memory.counters.lists_unanswered += 1
        if self._silence.judge(now):
            self._queue(now)
        self._requests.taken_in_time(now)
        if not self.is_syncing and self.table.again.is_due(now):
            # What does not flow is asked for with its snapshot whenever anything is asked: a request is all it takes.
            self._asks_again = True
            self._queue(now)
        if self._may_test(now) and self._memory.search.release_next():
            self.wishes_changed(now)

    def _may_test(self, now: float) -> bool:
        return (
            self._memory.search.is_searching
            and not self.is_syncing
            and not self._requests
            and not self.table.needs_repair
            and not self._batcher.is_waiting
            and now >= self._last_sent + self._memory.patience.unlisted
        )

    # -- when to send -----------------------------------------------------------------------------------------------

    def _queue(self, now: float) -> None:
        self._batcher.queue_subscription_change(SubscriptionChange(self.table.wanted(), now))

    def _request_delay(self, now: float) -> float | None:
        if self.table.needs_repair or self._stage_left:
            return self._limiter.delay(now, recovery=True)
        return self._batcher.delay(now)

    def _list_delay(self, now: float) -> float | None:
        lister = self._lister
        if lister.on_its_way is not None:
            return None
        if lister.due is not None and lister.due <= now and not self._list_is_useful():
            lister.due = None
        due = min((at for at in (lister.due, self._audit_at()) if at is not None), default=None)
        return None if due is None else max(due - now, self._limiter.delay(now, recovery=self.is_syncing))

    def _list_is_useful(self) -> bool:
        if not self._memory.lists_work:
            return False
        is_control = self.is_syncing and not self.table.asked
        return (
            self._lister.listed < self._lister.must or is_control or bool(self.table.proof.debts or self._split.fresh)
        )

    def _audit_at(self) -> float | None:
        """Return when to look at the list because nothing else has shown what became of the latest request."""
        is_covered = self._lister.listed >= self._requests.number
        if is_covered or self.is_syncing or self._lister.has_failed or not self._memory.lists_work:
            return None
        return self._last_request + self._memory.patience.audit

    def _plan_list(self, new: Collection[StreamKey], now: float) -> None:
        patience = self._memory.patience
        if self._stage_left:
            return
        if self.is_syncing:
            self._lister.must = self._requests.number if self._memory.lists_work else 0
            self._lister.want(now)
        elif self._split.fresh:
            self._lister.want(now + patience.settle)
        elif any(stream in self.table.proof.debts and not self.table.proof.debts[stream].needs_data for stream in new):
            self._lister.want(now + patience.unlisted)
        elif new:
            self._lister.want(now + min(1.0, patience.first_data / 2))

    @property
    def _awaits_control(self) -> bool:
        return self._is_first and not self.table.asked and self._lister.is_busy

    def _ask_for_control(self, now: float) -> bool:
        """Before suspects are asked for on a line that has answered nothing yet: see that it answers at all."""
        is_of_use = self.is_syncing and not self._requests.has_answered and self._memory.lists_work
        if is_of_use and not self._lister.is_busy:
            self._lister.want(now)
        return is_of_use

    def _next_timer(self, now: float) -> float | None:
        patience = self._memory.patience
        times = [self.table.proof.next_deadline(), self._lister.deadline(), self._requests.next_deadline]
        if self.table.once:
            times.append(min(self.table.once.values()))
        if self.is_syncing:
            times.append(self._verdict.settled_at(self._last_sent))
            times.append(self._last_sent + patience.first_data)
        else:
            times.append(self.table.again.next_due)
        if not self.is_syncing and self._memory.search.is_searching:
            times.append(self._last_sent + patience.unlisted)
        later = [at - now for at in times if at is not None and at > now]
        return min(later, default=None)
