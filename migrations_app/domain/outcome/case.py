"""One pair of looks at a guest with our record of its migration, and the ways to answer."""

from __future__ import annotations

from hosts.facts.guest import GuestLook, RunState
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome.decision import Decision, JobRecord, Outcome
from migrations_app.domain.outcome.reasons import meaning
from migrations_app.domain.outcome.whereabouts import at_destination, at_source
from migrations_app.domain.virsh import KEEP_STATE, virsh

_IS_ON = {
    RunState.RUNNING: "runs on",
    RunState.BLOCKED: "runs on",
    RunState.PAUSED: "is paused on",
    RunState.PMSUSPENDED: "is suspended by its own operating system on",
    RunState.SHUTDOWN: "is shutting down on",
}


class Case:
    def __init__(self, source: GuestLook, destination: GuestLook, job: JobRecord) -> None:
        self.source = source
        self.destination = destination
        self.job = job
        self.at = at_source(source)
        self.there = at_destination(destination)

    def lasts(self, seconds: float) -> bool:
        return self.job.seconds_in_this_view >= seconds

    def moving(self, state: State, sentence: str) -> Decision:
        return Decision(outcome=Outcome.IN_PROGRESS, state=state, sentence=sentence)

    def wait(self, sentence: str, cause: str = "") -> Decision:
        return Decision(outcome=Outcome.WAIT, sentence=sentence, cause=cause)

    def attention(self, sentence: str, what_to_do: str, cause: str = "") -> Decision:
        return Decision(
            outcome=Outcome.NEEDS_ATTENTION,
            sentence=sentence,
            cause=" ".join(filter(None, (cause, self.both_say, meaning(self.job.call_error)))),
            what_to_do=what_to_do,
        )

    def attention_after(self, seconds: float, waiting: str, sentence: str, what_to_do: str) -> Decision:
        if self.lasts(seconds):
            return self.attention(sentence, what_to_do)
        return self.wait(waiting, self.both_say)

    @property
    def here(self) -> str:
        """ "web-01 runs on kvm-a": what the source said of an active guest."""
        return f"{self.job.name} {_IS_ON.get(self.source.state, 'is on')} {self.job.source}"

    @property
    def arrived(self) -> str:
        return f"{self.job.name} {_IS_ON.get(self.destination.state, 'is on')} {self.job.target}"

    @property
    def both_say(self) -> str:
        return f"{_says(self.job.source, self.source)}. {_says(self.job.target, self.destination)}."


def _says(host: str, look: GuestLook) -> str:
    if not look.answered:
        return f"{host} is not reachable" + (f" ({look.error})" if look.error else "")
    if not look.present:
        return f"{host} does not have the VM"
    return f"{host} reports: {look.state}" + (f" ({look.reason})" if look.reason else "")


def run_on(host: str, job: JobRecord, verb: str, *after: str) -> str:
    return f"On {host} run: {virsh(verb, job.guest, after=after)}"


def undefine_on(host: str, job: JobRecord) -> str:
    return run_on(host, job, "undefine", *KEEP_STATE)
