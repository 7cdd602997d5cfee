"""Bayesian optimisation over participants and cuts, by optuna (on the FL server alone; boards never need it).

A variable per device: 0, or one of its cuts, which are ordered front to back. Its surrogate is the tree-structured
Parzen estimator over all variables together (Bergstra et al. 2011; Falkner et al. 2018), seeded. What it ends with is
polished by single changes, which the model of the costs makes cheap (OURS).
"""

from typing import Any

from fl_core.managers.central import Choice, Problem, Search, polished

TRIALS = 200  # OURS
STARTS = 20  # of them at random


def bayesian(trials: int = TRIALS, seed: int = 0) -> Search:
    """A search that looks at `trials` choices, the neutral one first: it never ends worse than that."""

    def search(problem: Problem) -> Choice:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTS, multivariate=True)
        study = optuna.create_study(sampler=sampler)
        study.enqueue_trial({device.name: option for device, option in zip(problem.devices, problem.neutral)})
        seen = {}

        def objective(trial: Any) -> float:
            asked = [trial.suggest_int(device.name, 0, len(device.options)) for device in problem.devices]
            choice = problem.repaired(asked) if any(asked) else problem.neutral
            seen[trial.number] = choice
            return problem.loss(choice)

        study.optimize(objective, n_trials=trials)
        return polished(problem, seen[study.best_trial.number])

    return search
