"""Learning from reward: experiments of cues and rewards as data, and studies that judge what their runs show.

    experiment = load_experiment("discrimination")
    outcome = run_experiment(experiment, seed=1)          every condition over its seeds

A study (see ``catalogue``) runs experiments over twenty animals or more and returns claims with intervals and controls.
"""

from spinula.studies.reinforcement.reading import experiment_names, load_experiment
from spinula.studies.reinforcement.running import Outcome, run_experiment

__all__ = ["Outcome", "experiment_names", "load_experiment", "run_experiment"]
