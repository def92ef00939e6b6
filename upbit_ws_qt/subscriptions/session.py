"""One line's subscriptions: what it was asked, what it has shown, what to send next. Pure; all times are passed in."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from upbit_ws_qt.errors import RecoveryError
from upbit_ws_qt.subscriptions.batcher import RateLimitAwareSubscriptionBatcher
from upbit_ws_qt.subscriptions.demand import same_request
from upbit_ws_qt.subscriptions.ledger import RepairBook, RequestLedger, SentRequest
from upbit_ws_qt.subscriptions.lister import Lister, Listing
from upbit_ws_qt.subscriptions.planner import urgent_part
from upbit_ws_qt.subscriptions.restore import Proof, listed_streams
from upbit_ws_qt.subscriptions.splitting import SplitWatch
from upbit_ws_qt.subscriptions.status import StreamStatus
from upbit_ws_qt.subscriptions.verdict import SyncVerdict
from upbit_ws_qt.text import safe_text
from upbit_ws_qt.types import DataType

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.demand import Demand
    from upbit_ws_qt.subscriptions.line import LimiterLike
    from upbit_ws_qt.subscriptions.memory import EndpointMemory
    from upbit_ws_qt.subscriptions.planner import SubscriptionPlan
    from upbit_ws_qt.subscriptions.wish import Wish
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
        asked: the union as the exchange should have it now.
        flowing: streams whose data this line brings, as they were asked for.
        proof: what is proved.
        changed: streams whose status may have changed; the shell empties it.
        refused: the error that ended the latest request, None while all is well.
        has_levels: whether books of a level were ever asked for here: then the code does not tell the stream.
        opened_at: when this session began.
        is_syncing: whether it is still being proved.
        is_candidate: whether another line serves meanwhile, so that nothing may be taken from that one.
    """

    def __init__(self, memory: EndpointMemory, limiter: LimiterLike, now: float, *, is_candidate: bool = False) -> None:
        self._memory = memory
        self._limiter = limiter
        self.is_candidate = is_candidate
        self.is_syncing = True
        self.asked: Mapping[StreamKey, Demand] = {}
        self.flowing: dict[StreamKey, Demand] = {}
        self.proof = Proof(memory.patience.first_data)
        self.changed: set[StreamKey] = set()
        self.refused: ServerError | None = None
        self.opened_at = now
        self.has_levels = False
        self._batcher = RateLimitAwareSubscriptionBatcher(
            limiter, gather=memory.patience.gather, per_second=memory.per_second
        )
        self._repair = True
        self._is_first = True
        self._stage_left = False
        self._number = 0
        self._ledger = RequestLedger()
        self._lister = Lister(memory.patience.list_answer)
        self._verdict = SyncVerdict(memory, self.proof, self._lister)
        self._split = SplitWatch(memory)
        self._repairs = RepairBook()
        self._has_answered = False
        self._refresh: set[StreamKey] = set()
        self._once_sent: dict[StreamKey, float] = {}
        self._mute_until: float | None = None
        self._last_sent = self._last_request = now

    # -- what the shell asks ----------------------------------------------------------------------------------------

    def wishes_changed(self, now: float) -> None:
        """Note that the union, or what is owed once, may have changed."""
        self._memory.counters.changes += 0 if self.is_candidate else 1
        self._batcher.queue_subscription_change(self._wanted(), now)

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

    def take_request(self, now: float) -> SubscriptionPlan | None:
        """Return the request to send now, None where nothing has to be sent after all."""
        once = self._new_once()
        if self._is_first and self._memory.doubts_key and self._ask_for_control(now):
            return None
        is_first, self._is_first = self._is_first, False
        is_urgent = self._repair or self._stage_left
        # A first request or a repair asks plainly for all: it depends on nothing that is not known for sure.
        flowing = {} if is_urgent else self.flowing
        self._repair = self._stage_left = False
        if is_urgent:
            wanted: Mapping[StreamKey, Demand] | None = self._wanted()
            self._batcher.clear()
        else:
            wanted = self._batcher.process_batched_changes(self.asked, now, insist=bool(once))
        if wanted is None or not (wanted or once):
            if not self.asked and self._memory.search.is_searching:
                self._ask_for_control(now)
            return None
        if is_first and (urgent := urgent_part(wanted)):
            self._stage_left = True
            wanted, once = urgent, {}
        return self._memory.planner.optimize_subscriptions(
            wanted,
            flowing=flowing,
            refresh=self._refresh | once.keys(),
            once=once,
            plainly=self._memory.search.is_open,  # a refusal shall say something of the suspects alone
        )

    def on_request_sent(self, plan: SubscriptionPlan, size: int, now: float) -> None:
        """Note that a request is leaving now; call it before the socket is given the bytes."""
        self._number += 1
        new = {stream: demand for stream, demand in plan.union.items() if stream not in self.asked}
        gone = [stream for stream in self.asked if stream not in plan.union]
        once = plan.snapshots & self._memory.desk.owed.keys()
        self._forget(gone)
        again = {stream: plan.union[stream] for stream in self._refresh if stream in plan.union}
        expected = new | again | self._newly_owed(plan)
        self.proof.expect(expected, now)
        self.proof.review(plan.union)
        self._refresh.clear()
        self.has_levels = self.has_levels or any(s.variant and s.data_type is DataType.ORDERBOOK for s in new)
        for stream in self.flowing:
            self.flowing[stream] = plan.union[stream]
        self._once_sent.update(dict.fromkeys(once, now + self._memory.patience.first_data))
        is_trial = self._split.note_request(plan, expected, now)
        self._note_suspects(plan, new, now, is_trial=is_trial)
        self._memory.count_request(
            size, plan.snapshots, new.keys() | once, is_needed=bool(new or gone or once) and not self._stage_left
        )
        self.asked = plan.union
        self.changed.update(new, gone)
        self._last_sent = self._last_request = now
        self._batcher.note_sent(now)
        self._plan_list(new, now)

    def take_list(self, ticket: str, now: float) -> None:
        """Note that LIST_SUBSCRIPTIONS with this ticket is leaving now."""
        self._lister.sent(Listing(ticket, now, self._number, self.asked, self._split.mixed_types))
        self._last_sent = now
        self._memory.count_list(is_needed=self.is_syncing)
        self._batcher.note_sent(now)

    def watches_data(self) -> bool:
        """Whether data frames have to be looked at."""
        return self.proof.watches_data or bool(self._once_sent)

    def is_watched(self, stream: tuple[str, str, str]) -> bool:
        """Whether data of this stream could prove anything."""
        proof = self.proof
        return stream in proof.debts or stream in self._once_sent or stream in proof.unserved or stream in proof.warming

    def status_of(self, stream: StreamKey) -> StreamStatus:
        """Return how it stands with a stream of the union on this line."""
        proof = self.proof
        if stream in proof.served:
            return StreamStatus.LIVE
        if stream in proof.warming:
            return StreamStatus.WARMING_UP
        if stream in proof.unserved:
            return StreamStatus.UNSERVED
        return StreamStatus.REQUESTED if stream in self.asked or stream in self._once_sent else StreamStatus.WANTED

    def is_synchronised(self, now: float) -> bool:
        """Whether everything wanted was asked for and is proved, or known not to come."""
        if self._repair or self._stage_left or self._mute_until is not None or self.refused is not None:
            return False
        return self._verdict.is_proved(self._last_sent, now)

    def sync_error(self, now: float) -> RecoveryError | None:
        """Return why this line cannot be proved, None while it still may."""
        if self.refused is not None:
            reason = f"the exchange refused the request: {safe_text(self.refused.name, 40)}"
            return RecoveryError(self._memory.ws_type.value, reason)
        return self._verdict.error(self._last_sent, now)

    def promoted(self, now: float) -> None:
        """Note that this line serves from now on."""
        self.is_syncing = self.is_candidate = False
        memory = self._memory
        memory.blank_lines = 0
        memory.doubts_key = False
        wanted = self._wanted()
        memory.served_before &= wanted.keys()
        memory.unserved_before &= wanted.keys()
        memory.unlisted_before &= wanted.keys()
        if not same_request(self.asked, wanted):
            self._batcher.queue_subscription_change(wanted, now)

    # -- what the line shows ----------------------------------------------------------------------------------------

    def on_data(self, stream: StreamKey, now: float, *, is_snapshot: bool) -> bool:
        """Take note of data; return whether something was waiting for it."""
        if is_snapshot:
            self._split.on_snapshot(stream)
        is_owed_once = stream in self._once_sent
        if is_owed_once:
            self._settle_once(stream, now, served=True)
        if not self.proof.on_data(stream, now):
            return is_owed_once
        self._has_answered = True
        self._served(stream)
        self._accept(self._ledger.taken_by_data(stream))
        return True

    def on_list(self, answer: SubscriptionList, now: float) -> None:
        """Take the exchange's list; one that was not asked for is passed over."""
        listing = self._lister.answered(answer.ticket, now)
        if listing is None:
            return
        self._has_answered = True
        self._accept(self._ledger.taken_until(listing.number))
        listed = listed_streams(answer)
        asked = {stream: demand for stream, demand in listing.union.items() if stream in self.asked}
        proved, missing = self.proof.on_list(listed, asked, now)
        for stream in proved:
            self._served(stream)
        self._split.on_list(missing, listing.mixed_types)
        surplus = listed - listing.union.keys() - self._memory.desk.owed.keys() - self._once_sent.keys()
        has_surplus = bool(surplus and listing.union)
        if not missing and not has_surplus:
            self._repairs.clean()
            return
        self._repair_missing(missing)
        if has_surplus and not self._repairs.is_exhausted and not self._repair:
            self._start_repair()

    def on_error(self, error: ServerError, now: float) -> None:
        """Take an error: it refuses the requests that were not answered, and the exchange closes the line."""
        memory = self._memory
        self._mute_until = now + memory.patience.mute
        refused, was_listing = self._ledger.refused(), self._lister.drop()
        if error.name == "TOO_MANY_REQUEST":
            memory.counters.refusals += 1  # the line itself has told its limiter
        elif refused:
            self.refused = error
            self._find_guilty(refused, error)
        elif error.name == "INVALID_AUTH":
            self.refused = error
        elif was_listing:
            memory.list_refusals += 1
        else:
            memory.counters.stray_errors += 1

    def _find_guilty(self, refused: Sequence[SentRequest], error: ServerError) -> None:
        memory, has_control = self._memory, refused[0].has_control
        if error.name == "INVALID_AUTH" and not has_control:
            # The token, as a rule. If the next line answers a list, it is the key's scope that a wish lacks.
            memory.doubts_key = True
            return
        is_split = self._split.takes_blame(is_trial=any(request.is_split_trial for request in refused))
        suspects = frozenset().union(*(request.suspects for request in refused))
        if suspects or not (is_split or self.is_candidate):
            reason = safe_text(f"{error.name}: {error.message}" if error.message else error.name, 200)
            memory.search.rejected(suspects, reason, has_control=has_control, is_doubtful=is_split)
            self._split.judge()

    def tick(self, now: float) -> None:
        """Draw the conclusions that are due."""
        if self._mute_until is not None:
            if now < self._mute_until:
                return
            self._restart()
        if self._lister.check(now):
            self._memory.counters.lists_unanswered += 1
        self._judge_overdue(now)
        self._judge_overdue_once(now)
        self._accept(self._ledger.taken_in_time(now, self._memory.patience.accepted))
        if self._may_test(now) and self._memory.search.release_next():
            self.wishes_changed(now)

    # -- sending ----------------------------------------------------------------------------------------------------

    def _wanted(self) -> Mapping[StreamKey, Demand]:
        demand = self._memory.state.demand(self._memory.ws_type)
        if all(wanted.realtime for wanted in demand.values()):
            return demand
        return {stream: wanted for stream, wanted in demand.items() if wanted.realtime}

    def _new_once(self) -> dict[StreamKey, Demand]:
        return {s: demand for s, demand in self._memory.desk.collect().items() if s not in self._once_sent}

    def _request_delay(self, now: float) -> float | None:
        if self._repair or self._stage_left:
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
        is_control = self.is_syncing and not self.asked
        return self._lister.listed < self._lister.must or is_control or bool(self.proof.debts or self._split.fresh)

    def _audit_at(self) -> float | None:
        """Return when to look at the list because nothing else has shown what became of the latest request."""
        is_covered = self._lister.listed >= self._number
        if is_covered or self.is_syncing or self._lister.has_failed or not self._memory.lists_work:
            return None
        return self._last_request + self._memory.patience.audit

    def _plan_list(self, new: Collection[StreamKey], now: float) -> None:
        patience = self._memory.patience
        if self._stage_left:
            return
        if self.is_syncing:
            self._lister.must = self._number if self._memory.lists_work else 0
            self._lister.want(now)
        elif self._split.fresh:
            self._lister.want(now + patience.settle)
        elif any(stream in self.proof.debts and not self.proof.debts[stream].needs_data for stream in new):
            self._lister.want(now + patience.unlisted)
        elif new:
            self._lister.want(now + min(1.0, patience.first_data / 2))

    @property
    def _awaits_control(self) -> bool:
        return self._is_first and not self.asked and self._lister.is_busy

    def _ask_for_control(self, now: float) -> bool:
        """Before suspects are asked for on a line that has answered nothing yet: see that it answers at all."""
        is_of_use = self.is_syncing and not self._has_answered and self._memory.lists_work
        if is_of_use and not self._lister.is_busy:
            self._lister.want(now)
        return is_of_use

    def _note_suspects(self, plan: SubscriptionPlan, new: Collection[StreamKey], now: float, *, is_trial: bool) -> None:
        suspects = frozenset(wish for wish in self._memory.search.suspects() if self._adds(wish, plan))
        self._ledger.note(
            SentRequest(self._number, now, suspects, frozenset(new) | plan.snapshots, self._has_answered, is_trial)
        )

    def _newly_owed(self, plan: SubscriptionPlan) -> dict[StreamKey, Demand]:
        """Return the streams that the list had proved and that owe a snapshot from now on."""
        return {
            stream: demand
            for stream, demand in plan.union.items()
            if stream in plan.snapshots and stream in self.asked and not self.asked[stream].snapshot
        }

    def _adds(self, wish: Wish, plan: SubscriptionPlan) -> bool:
        """Whether a wish makes this request other than the last one; what adds nothing cannot be what is refused."""
        for stream, demand in wish.demands.items():
            known = self.asked.get(stream)
            if stream in plan.union:
                if known is None or not known.covers(demand._replace(realtime=True)):
                    return True
            elif stream in plan.snapshots:
                return True
        return False

    # -- conclusions ------------------------------------------------------------------------------------------------

    def _served(self, stream: StreamKey) -> None:
        self.changed.add(stream)
        self._repairs.forget(stream)
        demand = self.asked.get(stream)
        if demand is not None:
            if stream.data_type.has_snapshot:
                self.flowing[stream] = demand
            self._memory.served_before.add(stream)
            self._memory.unserved_before.discard(stream)
            self._memory.unlisted_before.discard(stream)

    def _forget(self, streams: Collection[StreamKey]) -> None:
        self.proof.forget(streams)
        for stream in streams:
            self.flowing.pop(stream, None)
            self._repairs.forget(stream)
            self._refresh.discard(stream)
            self._memory.served_before.discard(stream)
            self._memory.unserved_before.discard(stream)
            self._memory.unlisted_before.discard(stream)

    def _give_up(self, streams: Collection[StreamKey]) -> None:
        self.proof.give_up(streams)
        self._memory.unserved_before.update(streams)
        self.changed.update(streams)
        for stream in streams:
            self.flowing.pop(stream, None)

    def _accept(self, suspects: Collection[Wish] | None) -> None:
        """Clear the suspects of requests that were taken; None where none was."""
        if suspects is not None:
            self._memory.search.accepted(suspects)
            self._split.judge()

    def _settle_once(self, stream: StreamKey, now: float, *, served: bool) -> None:
        del self._once_sent[stream]
        self._memory.desk.settle(stream, served=served)
        self.changed.add(stream)
        if stream in self.asked and stream not in self._wanted():
            self._batcher.queue_subscription_change(self._wanted(), now)  # it flowed for the snapshot's sake only

    def _repair_missing(self, missing: Collection[StreamKey]) -> None:
        unlisted = self._memory.unlisted_before
        again = {stream for stream in missing if stream not in unlisted and self._repairs.may_try(stream)}
        unlisted |= set(missing) - again
        self._give_up(set(missing) - again)
        if again:
            for stream in again:
                self.flowing.pop(stream, None)
            self._refresh |= again
            self.changed |= again
            self._start_repair()

    def _start_repair(self) -> None:
        self._repair = True
        self._repairs.started()
        self._memory.counters.repairs += 1

    def _judge_overdue(self, now: float) -> None:
        overdue = self.proof.overdue(now)
        if not overdue:
            return
        if self._split.tries(now):
            self._prolong(self._split.trial.intersection(overdue), now + self._memory.patience.first_data)
            overdue = [stream for stream in overdue if stream not in self._split.trial]
        elif self._split.trial:
            self._split.end_trial()
        elif self._split.fresh.intersection(overdue):
            self._try_plainly((), now)
            return
        unlisted = [s for s in overdue if not self.proof.debts[s].needs_data]
        if unlisted and self._lister.is_busy:
            self._prolong(unlisted, now + self._memory.patience.list_answer)
            overdue = [stream for stream in overdue if stream not in unlisted]
        self._give_up(overdue)

    def _prolong(self, streams: Iterable[StreamKey], until: float) -> None:
        for stream in streams:
            self.proof.debts[stream].deadline = until

    def _judge_overdue_once(self, now: float) -> None:
        overdue = [stream for stream, deadline in self._once_sent.items() if deadline <= now]
        if not overdue:
            return
        if beside := self._split.may_try(self._memory.desk.owed.keys() & set(overdue)):
            self._try_plainly(beside, now)
        elif self._split.trial and not self._split.tries(now):
            self._split.end_trial()
        for stream in overdue:
            if stream in self._once_sent:
                self._settle_once(stream, now, served=False)

    def _try_plainly(self, silent: Collection[StreamKey], now: float) -> None:
        """Ask plainly for what did not come beside others of its type: is it unknown, or is it the split?"""
        self._split.begin_trial(self._split.fresh.union(silent))
        again = self._split.trial & self.proof.debts.keys()
        self._prolong(again, now + self._memory.patience.first_data)
        self._refresh |= again
        for stream in self._split.trial & self._once_sent.keys():
            del self._once_sent[stream]  # it goes with the repair
        self._start_repair()

    def _may_test(self, now: float) -> bool:
        return (
            self._memory.search.is_searching
            and not self.is_syncing
            and not self._ledger
            and not self._repair
            and not self._batcher.is_waiting
            and now >= self._last_sent + self._memory.patience.unlisted
        )

    def _restart(self) -> None:
        """Begin anew on a line that the exchange left open after an error: what it still sends is not known."""
        self._mute_until = None
        self.refused = None
        self.changed.update(self.asked)
        self.proof.forget(tuple(self.asked))
        self.asked = {}
        self.flowing.clear()
        self._once_sent.clear()
        self._repair = True

    def _next_timer(self, now: float) -> float | None:
        patience = self._memory.patience
        times = [self.proof.next_deadline(), self._lister.deadline()]
        if self._ledger.oldest_at is not None:
            times.append(self._ledger.oldest_at + patience.accepted)
        if self._once_sent:
            times.append(min(self._once_sent.values()))
        if self.is_syncing:
            times.append(self._verdict.settled_at(self._last_sent))
            times.append(self._last_sent + patience.first_data)
        elif self._memory.search.is_searching:
            times.append(self._last_sent + patience.unlisted)
        later = [at - now for at in times if at is not None and at > now]
        return min(later, default=None)
