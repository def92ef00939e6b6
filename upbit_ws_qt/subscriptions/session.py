"""One line's subscriptions: what to send next, and what to make of what it shows. Pure; all times are passed in."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from upbit_ws_qt.errors import RecoveryError
from upbit_ws_qt.subscriptions.in_flight import RequestsInFlight, SplitTrial
from upbit_ws_qt.subscriptions.pacing import Lister, Listing, RateLimitAwareSubscriptionBatcher, SubscriptionChange
from upbit_ws_qt.subscriptions.planner import urgent_part
from upbit_ws_qt.subscriptions.stream_table import StreamTable, listed_streams
from upbit_ws_qt.subscriptions.wishes import same_request
from upbit_ws_qt.text import Phrase, safe_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.endpoint_memory import EndpointMemory
    from upbit_ws_qt.subscriptions.pacing import LimiterLike
    from upbit_ws_qt.subscriptions.planner import OptimizationResult
    from upbit_ws_qt.subscriptions.wishes import Demand
    from upbit_ws_qt.wire import ServerError, SubscriptionList

__all__ = ["LineSession", "Step", "StepKind"]

# Lines in a row on which nothing comes of what came before, until that is believed.
_BLANK_LINES = 2


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
        self.table = StreamTable(memory)
        self.refused: ServerError | None = None
        self.opened_at = now
        self._batcher = RateLimitAwareSubscriptionBatcher(limiter, gather=memory.patience.gather)
        self._lister = Lister(memory.patience.list_answer)
        self._split = SplitTrial(memory)
        self._in_flight = RequestsInFlight(memory)
        self._is_first = True
        self._asks_again = False  # the next request leaves although it asks for nothing new
        self._has_changes = False  # wishes have changed since the latest request
        self._stage_left = False  # the urgent streams were asked for, the others are next
        self._mute_until: float | None = None
        self._last_sent = self._last_request = now

    # -- what the shell asks --------------------------------------------------------------------------------------

    def wishes_changed(self, now: float) -> None:
        """Note that the union, or what is owed once, may have changed."""
        if not self.is_candidate:
            self._memory.effort.wishes_changed()
            self._has_changes = True
        self._queue(now)

    def next_step(self, now: float) -> Step:
        """Return what to do now, after `tick`."""
        if self._mute_until is not None:
            return Step(StepKind.WAIT, self._mute_until - now)
        request = None if self._awaits_control else self._request_delay(now)
        listing = self._list_delay(now)
        # Requests go first, as they serve people; but under a stream of changes nothing would ever be proved.
        if listing is not None and listing <= 0.0 and (request is None or request > 0.0 or self._lister.starves(now)):
            return Step(StepKind.LIST)
        if request is not None and request <= 0.0:
            return Step(StepKind.REQUEST)
        timers = [delay for delay in (request, listing, self._next_timer(now)) if delay is not None]
        return Step(StepKind.WAIT, max(0.0, min(timers)) if timers else None)

    def take_request(self, now: float) -> OptimizationResult | None:
        """Return the request to send now, None where nothing has to be sent after all."""
        table = self.table
        # Snapshots ride along with the union: a request of their own would replace all that flows (protocol sheet, "A
        # new request replaces everything").
        once = table.new_once()
        if self._is_first and self._memory.doubts_key and self._ask_for_control(now):
            return None
        is_first, self._is_first = self._is_first, False
        is_urgent = table.needs_repair or self._stage_left
        # A first request or a repair asks plainly for all: it depends on nothing that is not known for sure.
        flowing = {} if is_urgent else table.flowing()
        table.repair_leaves()
        self._stage_left = False
        if is_urgent:
            wanted: Mapping[StreamKey, Demand] | None = table.wanted()
            self._batcher.clear()
        else:
            wanted = self._batcher.process_batched_changes(table.asked, now, insist=bool(once) or self._asks_again)
            # What was added was dropped again before it left: the exchange has what is wanted.
            if wanted is None and self._has_changes and not self._batcher.is_waiting:
                self._has_changes = False
                self._memory.effort.change_cancelled()
        # The exchange knows no empty subscription. What nobody wants any more flows on, for nobody, until the line is
        # idle long enough to be closed.
        if wanted is None or not (wanted or once):
            if not table.asked and self._memory.search.is_searching:
                self._ask_for_control(now)
            return None
        # Only on a new line: later there is no queue of snapshots to stand in.
        if is_first and (urgent := urgent_part(wanted)):
            self._stage_left = True
            wanted, once = urgent, {}
        return self._memory.planner.optimize_subscriptions(
            wanted,
            flowing=flowing,
            refresh=table.asked_anew() | once.keys(),
            once=once,
            plainly=self._memory.search.is_open,  # a refusal shall say something of the suspects alone
        )

    def on_request_sent(self, plan: OptimizationResult, size: int, now: float) -> None:
        """Note that a request is leaving now; call it before the socket is given the bytes."""
        # Before the table takes the request: a wish is suspected for what it adds to what was asked for until now.
        suspects = self._in_flight.suspects(plan, self.table.asked)
        new, gone, once, expected = self.table.note_request(plan, self._in_flight.number + 1, now)
        is_trial = self._split.note_request(plan, expected, now)
        self._in_flight.note(suspects, plan.snapshots.union(new), now, is_trial=is_trial)
        # A first request in two parts is one more than the least: it buys that urgent streams do not wait behind
        # others.
        is_needed = bool(new or gone or once) and not self._stage_left
        self._memory.effort.request_sent(size, plan.snapshots, new.keys() | once, is_needed=is_needed)
        self._last_sent = self._last_request = now
        self._asks_again = self._has_changes = False
        self._plan_list(new, now)

    def take_list(self, ticket: str, now: float) -> None:
        """Note that LIST_SUBSCRIPTIONS with this ticket is leaving now."""
        self._lister.sent(Listing(ticket, now, self._in_flight.number, self.table.asked, self._split.mixed_types))
        self._last_sent = now
        self._memory.effort.list_sent(is_needed=self.is_syncing)

    def promoted(self, now: float) -> None:
        """Note that this line serves from now on."""
        self.is_syncing = self.is_candidate = False
        wanted = self.table.wanted()
        self._memory.line_is_proved(wanted.keys())
        if not same_request(self.table.asked, wanted):
            self._batcher.queue_subscription_change(SubscriptionChange(wanted, now))

    # -- whether a new line is proved -----------------------------------------------------------------------------
    #
    # It is when the list has what was asked for and the first data of all of it has come. What the exchange does not
    # serve does not hold the rest up: streams that were silent on an earlier line are not waited for, others no longer
    # than `settle` seconds after anything last happened. All stay owed until their deadline.

    def is_synchronised(self, now: float) -> bool:
        """Whether everything wanted was asked for and is proved, or known not to come."""
        if self.table.needs_repair or self._stage_left or self._mute_until is not None or self.refused is not None:
            return False
        # Where lists are not answered data is all the proof there is, and then all of it has to have come.
        if not self._lister.is_done:
            return self._lister.has_failed and self._is_proved_by_data_alone()
        return (not self._awaited() or now >= self._settled_at()) and not self._is_blank()

    def sync_error(self, now: float) -> RecoveryError | None:
        """Return why this line cannot be proved, None while it still may."""
        endpoint = self._memory.ws_type.value
        if self.refused is not None:
            reason = Phrase("the exchange refused the request: {error}", error=safe_text(self.refused.name, 40))
            return RecoveryError(endpoint, reason)
        if self._lister.has_failed and not self._is_proved_by_data_alone():
            reason = Phrase("the list of subscriptions was not answered")
            return RecoveryError(endpoint, reason, missing=self._missing())
        is_late = now >= self._last_sent + self._memory.patience.first_data
        if is_late and not self._awaited() and self._is_blank():
            self._memory.line_is_blank()
            return RecoveryError(endpoint, Phrase("nothing came of what came before"), missing=self._missing())
        return None

    def _settled_at(self) -> float:
        """Return from when on what is still awaited no longer holds the line up."""
        # Each stream that shows itself begins the wait anew: the exchange is still at work.
        latest = max(self._lister.listed_at, self.table.last_progress, self._last_sent)
        return latest + self._memory.patience.settle

    def _awaited(self) -> list[StreamKey]:
        return [stream for stream in self.table.owed(data=True) if not self._memory.was_unserved(stream)]

    def _is_proved_by_data_alone(self) -> bool:
        return self.table.brings_anything and not self.table.owes

    def _is_blank(self) -> bool:
        """Whether not one of the streams came that came on an earlier line; not believed more than twice in a row."""
        if self._memory.blank_lines >= _BLANK_LINES or self.table.brings_anything:
            return False
        return any(self._memory.was_served(stream) for stream in self.table.missing())

    def _missing(self) -> tuple[str, ...]:
        return tuple(str(stream) for stream in self.table.missing())

    # -- what the line shows --------------------------------------------------------------------------------------

    def on_data(self, stream: StreamKey, now: float, *, is_snapshot: bool) -> bool:
        """Take note of data; return whether something was waiting for it."""
        if is_snapshot:
            self._split.on_snapshot(stream)
        is_owed_once = self.table.awaits_once(stream)
        # If the stream flows for the sake of its snapshot alone, the next request leaves it out.
        if is_owed_once and self.table.settle_once(stream, now, served=True):
            self._queue(now)
        if not self.table.take_data(stream, now):
            return is_owed_once
        self._in_flight.taken_by_data(stream)
        return True

    def on_list(self, answer: SubscriptionList, now: float) -> None:
        """Take the exchange's list; one that was not asked for is passed over."""
        # It is held against the request before it, by what was noted when it left: newer ones may be on their way
        # already.
        listing = self._lister.answered(answer.ticket, now)
        if listing is None:
            return
        table = self.table
        self._in_flight.taken_by_list(listing.number)
        table.answered(listing.number, now)
        listed = listed_streams(answer)
        missing = table.take_list(listed, listing.union, now)
        self._split.on_list(missing, listing.mixed_types)
        # More than was asked for means that the request was ignored: what it should have dropped flows on.
        surplus = listed - listing.union.keys() - self._memory.snapshots.owed.keys() - set(table.once_streams())
        table.repair(missing, has_surplus=bool(surplus and listing.union), now=now)

    def on_error(self, error: ServerError, now: float) -> None:
        """Take an error: it refuses the requests that were not answered, and the exchange closes the line."""
        memory = self._memory
        # The exchange closes the line within 180 ms (protocol sheet, "Errors"). What is sent until then is lost, and
        # would count against the budget of a line that is dead already.
        self._mute_until = now + memory.patience.mute
        refused, was_listing = self._in_flight.drop(), self._lister.drop()
        # It says nothing about what was asked, so nobody is suspected; the request is lost with the line and sent
        # again.
        if error.name == "TOO_MANY_REQUEST":
            memory.effort.limit_met()  # the line itself has told its limiter
        elif refused:
            self.refused = error
            self._in_flight.blame(refused, error, is_candidate=self.is_candidate)
        # Nothing was asked yet, so it is about the token of the handshake.
        elif error.name == "INVALID_AUTH":
            self.refused = error
        # With no request open only the list can be what is refused.
        elif was_listing:
            memory.list_refused()
        else:
            memory.effort.stray_error()

    @property
    def awaits_anything(self) -> bool:
        """Whether something that was sent has not shown yet what became of it."""
        return bool(self._in_flight) or self._lister.on_its_way is not None or self.table.awaits_anything

    def stood_still(self, seconds: float) -> None:
        """Note that the loop did nothing for so long: what came meanwhile has not been read, so it is not missing."""
        self.table.stood_still(seconds)
        self._lister.stood_still(seconds)
        self._in_flight.stood_still(seconds)

    def tick(self, now: float) -> None:
        """Draw the conclusions that are due."""
        if self._mute_until is not None:
            if now < self._mute_until:
                return
            self._mute_until = self.refused = None
            self.table.restart()
        if self._lister.check(now):
            self._memory.effort.list_unanswered()
        is_anything_open = self.table.watches_data  # as a rule there is not, and nobody's silence says anything
        if is_anything_open:
            self._judge_silent_streams(now)
            # A stream that was asked for only so that its snapshot comes has to be dropped again.
            if self._judge_silent_snapshots(now):
                self._queue(now)
        self._in_flight.taken_in_time(now)
        if is_anything_open and not self.is_syncing and self.table.take_tries(now):
            # What does not flow is asked for with its snapshot whenever anything is asked: a request is all it takes.
            self._asks_again = True
            self._queue(now)
        if self._may_test(now) and self._memory.search.release_next():
            self.wishes_changed(now)

    # -- what it means when something that was asked for does not come --------------------------------------------

    def _judge_silent_streams(self, now: float) -> None:
        table, split, patience = self.table, self._split, self._memory.patience
        overdue = table.overdue(now)
        if not overdue:
            return
        # First whether it is the way of asking: that would be wrong for all of them, and no fault of any stream.
        if split.tries(now):
            table.prolong(split.trial.intersection(overdue), now + patience.first_data)
            overdue = [stream for stream in overdue if stream not in split.trial]
        elif split.trial:
            split.end_trial()
        elif split.fresh.intersection(overdue):
            self._try_plainly((), now)
            return
        if self._lister.may_answer:
            # Some are proved by the list. Of the others silence says nothing while the exchange has not even shown that
            # it has taken their request: it is late, or what it sent has not been read yet.
            undecided = table.unanswered(overdue).union(table.owed(data=False)).intersection(overdue)
            table.prolong(undecided, now + patience.list_answer)
            overdue = [stream for stream in overdue if stream not in undecided]
        table.give_up(overdue, now)

    def _judge_silent_snapshots(self, now: float) -> bool:
        """Give up snapshots that did not come; return whether a stream flows on for the sake of one of them."""
        table = self.table
        overdue = table.once_overdue(now)
        if self._lister.may_answer:
            undecided = table.unanswered(overdue)
            table.prolong_once(undecided, now + self._memory.patience.list_answer)
            overdue = [stream for stream in overdue if stream not in undecided]
        if not overdue:
            return False
        if beside := self._split.may_try(self._memory.snapshots.owed.keys() & set(overdue)):
            self._try_plainly(beside, now)
        elif self._split.trial and not self._split.tries(now):
            self._split.end_trial()
        leftover = [s for s in overdue if table.awaits_once(s) and table.settle_once(s, now, served=False)]
        return bool(leftover)

    def _try_plainly(self, silent: Collection[StreamKey], now: float) -> None:
        """Ask plainly for what did not come beside others of its type: is it unknown, or is it the split?"""
        self._split.begin_trial(self._split.fresh.union(silent))
        self.table.ask_plainly(self._split.trial, now + self._memory.patience.first_data)

    def _may_test(self, now: float) -> bool:
        return (
            # One test at a time, and nothing else on its way: a refusal has to be about those who are tested.
            self._memory.search.is_searching
            and not self.is_syncing
            and not self._in_flight
            and not self.table.needs_repair
            and not self._batcher.is_waiting
            and now >= self._last_sent + self._memory.patience.unlisted
        )

    # -- when to send ---------------------------------------------------------------------------------------------

    def _queue(self, now: float) -> None:
        self._batcher.queue_subscription_change(SubscriptionChange(self.table.wanted(), now))

    def _request_delay(self, now: float) -> float | None:
        # Somebody waits for data that should flow: this may use what is kept back of the budget.
        if self.table.needs_repair or self._stage_left:
            return self._limiter.delay(now, recovery=True)
        return self._batcher.delay(now)

    def _list_delay(self, now: float) -> float | None:
        lister = self._lister
        if lister.on_its_way is not None:
            return None
        if lister.due is not None and lister.due <= now and not self._list_is_useful():
            lister.want_no_more()
        due, audit = lister.due, self._audit_at()
        if audit is not None and (due is None or audit < due):
            due = audit
        # A line that is not proved serves nobody: it may use what is kept back of the budget.
        return None if due is None else max(due - now, self._limiter.delay(now, recovery=self.is_syncing))

    def _list_is_useful(self) -> bool:
        if not self._memory.lists_work:
            return False
        is_control = self.is_syncing and not self.table.asked
        return self._lister.listed < self._lister.must or is_control or self.table.owes or bool(self._split.fresh)

    def _audit_at(self) -> float | None:
        """Return when to look at the list because nothing else has shown what became of the latest request."""
        is_covered = self._lister.listed >= self._in_flight.number
        if is_covered or self.is_syncing or self._lister.has_failed or not self._memory.lists_work:
            return None
        # A change that only drops streams shows by nothing that it was taken.
        return self._last_request + self._memory.patience.audit

    def _plan_list(self, new: Collection[StreamKey], now: float) -> None:
        patience = self._memory.patience
        if self._stage_left:
            return
        # A list costs a message of the minute's budget. How soon one is wanted depends on what nothing else can prove.
        if self.is_syncing:
            self._lister.must_cover(self._in_flight.number if self._memory.lists_work else 0)
            self._lister.want(now)
        elif self._split.fresh:
            self._lister.want(now + patience.settle)
        elif any(stream in new for stream in self.table.owed(data=False)):
            self._lister.want(now + patience.unlisted)
        # Public data proves itself. The list is asked for so early that it is there when the first deadline passes: it
        # tells a market that is not listed from one that is merely late.
        elif new:
            self._lister.want(now + min(1.0, patience.first_data / 2))

    @property
    def _awaits_control(self) -> bool:
        return self._is_first and not self.table.asked and self._lister.is_busy

    def _ask_for_control(self, now: float) -> bool:
        """Before suspects are asked for on a line that has answered nothing yet: see that it answers at all."""
        is_of_use = self.is_syncing and not self._in_flight.has_answered and self._memory.lists_work
        if is_of_use and not self._lister.is_busy:
            self._lister.want(now)
        return is_of_use

    def _next_timer(self, now: float) -> float | None:
        patience = self._memory.patience
        times = [self._lister.deadline(), self._in_flight.next_deadline, *self.table.next_deadlines()]
        if self.is_syncing:
            times += [self._settled_at(), self._last_sent + patience.first_data]
        else:
            times.append(self.table.next_try())
            if self._memory.search.is_searching:
                times.append(self._last_sent + patience.unlisted)
        # What is due already was judged by `tick`, and what it could not judge waits for something else to happen.
        later = [at - now for at in times if at is not None and at > now]
        return min(later, default=None)
