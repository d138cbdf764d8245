"""A release and the way back from it, by two builds on one database and one NATS."""
from __future__ import annotations

from _stage import SERVICES, Broken, Build, Stage, until

# Builds from before it ask for exactly their own schema.
FLOOR = "20261129000042"


def schema(stage: Stage) -> str:
    """The version of the schema that is there."""
    return stage.sql("select max(version) from _sqlx_migrations where success")


def granted(stage: Stage) -> dict[str, str]:
    """What each month has granted: how many lots, how much money."""
    found: dict[str, str] = {}
    for line in stage.money().splitlines():
        cause, what = line.split(": ", 1)
        shop, period = cause.split(" monthly ")
        found[period] = f"{found.get(period, '')} {shop} {what}".strip()
    return found


def broken_off(stage: Stage, month: str, build: Build) -> str:
    """Begins a month, and kills what runs of a build as soon as its `credits` has got something to do of it. How far it was."""
    stage.tradeup("trigger", "monthly-credits", "--period", month)
    victim = stage.running[f"credits of {build.name}"].pid
    # In the middle of it; or at its end, if it was quick.
    worker = f"like 'credits-{victim}-%'"
    # A run that succeeds at once is told by its own row, by builds that know the column.
    began = f"select exists (select from runs r left join attempts a on a.run_id = r.id where r.key like '{month}%' and (a.worker {worker} " \
            f"or to_jsonb(r) ->> 'worker' {worker})) or exists (select from runs where task = 'monthly-credits' and key = '{month}' " \
            f"and finished_at is not null)"
    until(f"{build.name} takes part", 120, lambda: stage.sql(began) == "t")
    stage.stop_build(build, kill=True)
    return stage.sql(f"select count(*) filter (where finished_at is not null) || ' of ' || count(*) from runs where key like '{month}%'")


def over(stage: Stage, month: str) -> None:
    """Waits until a month is over, and proves the ledger."""
    until(f"{month} is over", 120, lambda: stage.sql(
        f"select count(*) from runs where task = 'monthly-credits' and key = '{month}' and finished_at is not null") == "1")
    stage.proven()


def rehearse(stage: Stage, old: Build, new: Build, members: int) -> None:
    """Out, and back."""
    stage.build = old
    stage.up()
    stage.tradeup("setup")
    stage.shop("aurora", members, 7)
    # So few that their month is one run.
    stage.shop("borealis", 300, 8)
    stage.start(*SERVICES, build=old)
    stage.month("2026-05")
    stage.proven()
    was = schema(stage)

    stage.build = new
    stage.tradeup("setup")
    now = schema(stage)
    stage.say(f"schema {was} -> {now} while the old build works")
    stage.month("2026-06")
    stage.proven()
    stage.say("a month by the old build on the new schema")

    stage.start(*SERVICES, build=new)
    far = broken_off(stage, "2026-07", old)
    over(stage, "2026-07")
    stage.say(f"a month by both, the old build killed in it, when {far} runs had ended")
    stage.month("2026-08")
    stage.proven()
    stage.say("a month by the new build")

    months = ["2026-05", "2026-06", "2026-07", "2026-08"]
    stage.build = old
    if was < FLOOR and was != now:
        stage.refuses("credits", "run `tradeup setup`")
        stage.say(f"back: the old build is of schema {was}, from before {FLOOR}, and does not start on {now}; it says so")
    else:
        far = broken_off(stage, "2026-09", new)
        stage.start(*SERVICES, build=old)
        over(stage, "2026-09")
        stage.say(f"back: the new build killed in a month, when {far} runs had ended; the old one has ended the rest")
        stage.tradeup("setup")
        if schema(stage) != now:
            raise Broken(f"setup of the old build has changed the schema from {now} to {schema(stage)}")
        stage.month("2026-10")
        stage.proven()
        stage.say("a month by the old build alone; its setup leaves the new schema as it is")
        months += ["2026-09", "2026-10"]
    stage.stop_build(old)
    alike(stage, months)


def alike(stage: Stage, months: list[str]) -> None:
    """Each month was credited, to everybody, once."""
    found = granted(stage)
    if sorted(found) != months or len(set(found.values())) != 1:
        raise Broken(f"months were not credited alike: {found}")
    stage.say(f"{len(months)} months, each of {found[months[0]]}: nobody twice, nobody left out")
