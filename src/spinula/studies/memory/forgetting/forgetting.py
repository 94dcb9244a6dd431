"""Forgetting by intrinsic dynamics alone: slower than exponential, the laws of Jost and Ribot, Ebbinghaus' savings."""

from __future__ import annotations

from spinula.studies.memory.forgetting.findings import claims_of, panels_of
from spinula.studies.memory.forgetting.memories import AGES, LAWS, follow_memory
from spinula.studies.memory.forgetting.savings import fit_savings, savings_claims, savings_panel
from spinula.studies.memory.study import Case, Finding, Found, Keeper, Options, RowText, Study


def _cases(options: Options) -> list[Case]:
    spines = 1000 if options.trial else 16_000
    made: list[Case] = [
        {"name": f"{law} {seed}", "part": "memories", "law": law, "seed": seed, "spines": spines}
        for law in LAWS
        for seed in options.series(8, trial=3)
    ]
    return made + [
        {"name": f"savings {law}", "part": "savings", "law": law, "seed": options.seed, "spines": 0} for law in AGES
    ]


def _run(case: Case, keeper: Keeper) -> Found:
    return fit_savings(case["law"]) if case["part"] == "savings" else follow_memory(case)


def _conclude(pairs: list[tuple[Case, Found]]) -> Finding:
    runs: dict[str, list[Found]] = {law: [] for law in LAWS}
    savings: dict[str, Found] = {}
    for case, found in pairs:
        if case["part"] == "savings":
            savings[case["law"]] = found
        else:
            runs[case["law"]].append(found)
    return Finding([*panels_of(runs), savings_panel(savings)], [*claims_of(runs), *savings_claims(savings)])


STUDY = Study(
    name="forgetting",
    title="Forgetting by fluctuation alone",
    question="Do spines that only fluctuate, vanish and form forget as people do: fast at first, then ever more "
    "slowly, old memories after new ones?",
    model="A memory is 16,000 spines that formed on one day at the size of new ones, under the intrinsic dynamics of "
    "ca1_slice or neocortex_adult; no activity, no decay. Its strength is the number of these spines that are left. "
    "At five ages (1 to 16 days in the slice, 1 to 60 in neocortex) it is compared with a new memory that has as many "
    "spines, over 4 and 14 days, and lesioned.\n\n"
    "Lesions, all assumed: every spine shrinks to 60 % of its volume and is lost if that is below the threshold; or "
    "fluctuates 1.5 times as much for 3 days (against the same 3 days without); or is lost with a chance of one "
    "half.\n\n"
    "The control has spines of neocortex's sizes that are lost at one rate, whatever their size and age. Bars and "
    "bands are 95 % (Student's t) over 8 seeds. Ebbinghaus' savings are remembered values, and savings are not shares "
    "of spines: the comparison is of shapes. The mixture has a free share for each of 80 sizes, up to what one spine "
    "in a thousand exceeds.",
    sources=("murre2022", "murre2015", "yasumatsu2008", "kasai2021", "loewenstein2015"),
    cases=_cases,
    run=_run,
    conclude=_conclude,
    rows=(
        RowText(
            62, "forgetting", "slower than exponential; Jost's and Ribot's laws; not with one rate of loss", "signs",
            "95 % over seeds", "qualitative", "murre2022",
        ),
    ),
)  # fmt: skip
