"""Agents of spines beside DQN and A2C of stable-baselines3: same worlds, same seeds, same steps.

    .venv-bench/bin/pip install -r benchmarks/peers.txt
    .venv/bin/python benchmarks/bench_agents.py --agents spine,linear --out ours.json
    .venv-bench/bin/python benchmarks/bench_agents.py --agents a2c,dqn --out theirs.json
    .venv/bin/python benchmarks/bench_agents.py --show ours.json theirs.json

Peers run with the settings that their authors' collection of trained agents gives for CartPole, from memory, else with
their defaults; on one thread. Returns are means of 100 episodes of likeliest actions. Seconds are processor seconds of
this process, training alone.
"""

import os

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import json
from pathlib import Path
from time import process_time

import numpy as np

STEPS = {"CartPole-v1": 150_000, "MinAtar/Breakout-v1": 500_000}
LIMITS = {"CartPole-v1": 500, "MinAtar/Breakout-v1": 5000}
PEERS = ("a2c", "dqn")
EPISODES, FIRST_TEST = 100, 10**6
_DQN = {
    "learning_rate": 2.3e-3, "batch_size": 64, "buffer_size": 100_000, "learning_starts": 1000, "gamma": 0.99,
    "target_update_interval": 10, "train_freq": 256, "gradient_steps": 128, "exploration_fraction": 0.16,
    "exploration_final_eps": 0.04, "policy_kwargs": {"net_arch": [256, 256]},
}  # fmt: skip


def ours(world, kind, seed, steps):
    from spinula.studies.agents.training import Plan, evaluate, train
    from spinula.studies.agents.worlds import open_world

    # Compiled before the clock runs, as PyTorch was before it was installed.
    list(train(Plan(world, 10, seed, kind, rows=1)))
    begun = process_time()
    rows = list(train(Plan(world, steps, seed, kind)))
    seconds = process_time() - begun
    row, agent = rows[-1]
    return {"return": float(evaluate(agent, open_world(world)).mean()), "steps": row["steps"], "seconds": seconds}


def _environment(world):
    import gymnasium

    if world.startswith("MinAtar/"):
        from minatar.gym import register_envs

        if world not in gymnasium.registry:
            register_envs()
    made = gymnasium.make(world, disable_env_checker=True, max_episode_steps=LIMITS[world])
    if world.startswith("MinAtar/"):
        made = gymnasium.wrappers.FlattenObservation(made)
    return made


def theirs(world, kind, seed, steps):
    import torch
    from stable_baselines3 import A2C, DQN
    from stable_baselines3.common.env_util import make_vec_env

    torch.set_num_threads(1)
    if kind == "a2c":
        made = make_vec_env(lambda: _environment(world), n_envs=8, seed=seed)
        model = A2C("MlpPolicy", made, seed=seed, device="cpu", ent_coef=0.0 if world == "CartPole-v1" else 0.01)
    else:
        more = _DQN if world == "CartPole-v1" else {"buffer_size": 100_000, "learning_starts": 5000}
        model = DQN("MlpPolicy", _environment(world), seed=seed, device="cpu", **more)
    begun = process_time()
    model.learn(steps)
    seconds = process_time() - begun
    return {"return": _tested(model, world), "steps": int(model.num_timesteps), "seconds": seconds}


def _tested(model, world):
    made, found = _environment(world), []
    for number in range(EPISODES):
        observation, _ = made.reset(seed=FIRST_TEST + number)
        total, ended = 0.0, False
        while not ended:
            action, _ = model.predict(observation, deterministic=True)
            observation, reward, terminated, truncated, _ = made.step(int(action))
            total, ended = total + float(reward), terminated or truncated
        found.append(total)
    return float(np.mean(found))


def show(paths):
    rows = [row for path in paths for row in json.loads(Path(path).read_text(encoding="utf-8"))]
    print(f"{'world':<22}{'agent':<18}{'seeds':>6}{'return':>9}{'worst':>9}{'steps':>9}{'CPU s':>8}{'us/step':>9}")
    for world, agent in dict.fromkeys((row["world"], row["agent"]) for row in rows):
        mine = [row for row in rows if (row["world"], row["agent"]) == (world, agent)]
        mean = {name: float(np.mean([row[name] for row in mine])) for name in ("return", "steps", "seconds")}
        worst = min(row["return"] for row in mine)
        print(f"{world:<22}{agent:<18}{len(mine):>6}{mean['return']:>9.1f}{worst:>9.1f}{mean['steps']:>9.0f}"
              f"{mean['seconds']:>8.1f}{1e6 * mean['seconds'] / mean['steps']:>9.1f}")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", default="spine,linear")
    parser.add_argument("--worlds", default=",".join(STEPS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, help="of every world; the usual, if not given")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--show", nargs="*")
    asked = parser.parse_args()
    if asked.show:
        show(asked.show)
        return
    rows = []
    for world in asked.worlds.split(","):
        for agent in asked.agents.split(","):
            for seed in range(1, asked.seeds + 1):
                run = theirs if agent in PEERS else ours
                try:
                    found = run(world, agent, seed, asked.steps or STEPS[world])
                except ImportError as missing:
                    print(f"{agent} is skipped: {missing}")
                    break
                rows.append({"world": world, "agent": agent, "seed": seed, **found})
                print(rows[-1], flush=True)
                if asked.out:
                    asked.out.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
