"""Association in a device: a bell alone says nothing, food alone says nothing about the bell, both together teach it.

Bell and food are the two halves of one coincidence: the bell lifts one electrode, food lowers the other one, and only
their sum exceeds the threshold of the path between them. (Both as positive voltages beside each other do not
associate: food lifts the islands between them and takes voltage from the bell's path.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from spinula.core.errors import InvalidInputError
from spinula.engines.silver.device import Device
from spinula.engines.silver.solver import Drive
from spinula.studies.silver.pulses import READ, hold

CONTROLS = ("bell", "food", "unpaired", "nothing")


@dataclass(frozen=True)
class Conditioning:
    """How a bell and food are given.

    Parameters
    ----------
    bell, food : float, V
        Each alone too weak to write, together enough: in networks about 1.2 and 1.3 times the path's threshold
        (:func:`spinula.studies.silver.paths.path_threshold`).
    on, off : float, s
    bell_electrode, food_electrode : str
    resistance : float, ohm
        In series with the bell.
    """

    bell: float
    food: float
    on: float = 0.1
    off: float = 0.1
    bell_electrode: str = "left"
    food_electrode: str = "right"
    resistance: float = 3e3

    def drives(self, bell: bool, food: bool) -> dict[str, Drive]:
        """Return what is connected while a stimulus is on or off; an absent stimulus is a grounded electrode."""
        return {
            self.bell_electrode: Drive(voltage=self.bell * bell, resistance=self.resistance),
            self.food_electrode: Drive(voltage=-self.food * food),
        }

    def response(self, device: Device) -> float:
        """Return the conductance from the bell to the food's electrode, S; the device does not change."""
        drives = {self.bell_electrode: Drive(voltage=READ), self.food_electrode: Drive(voltage=0.0)}
        return device.read(drives)[self.bell_electrode] / READ

    def trial(self, device: Device, kind: str) -> None:
        """Give one trial: ``paired``, or one of the controls; all last the same time.

        *unpaired* gives bell and food one after the other, with the pause in between.
        """
        plans = {
            "paired": ((True, True), (False, False)),
            "bell": ((True, False), (False, False)),
            "food": ((False, True), (False, False)),
            "unpaired": ((True, False), (False, True)),
            "nothing": ((False, False), (False, False)),
        }
        if kind not in plans:
            raise InvalidInputError(f"no kind of trial is called {kind!r}.\n  Known: {', '.join(plans)}.")
        for bell, food in plans[kind]:
            hold(device, self.drives(bell, food), self.on)
            hold(device, self.drives(False, False), self.off)


@dataclass(frozen=True)
class Association:
    """Responses of fresh devices to the bell, S: before, after pairings, after each control; then extinction."""

    before: float
    paired: tuple[float, ...]
    controls: dict[str, float]
    extinguished: float

    @property
    def gain(self) -> float:
        """The response after the last pairing over that before."""
        return self.paired[-1] / self.before

    @property
    def largest_control(self) -> float:
        """The largest response after any control over that before."""
        return max(self.controls.values()) / self.before


def associate(
    make: Callable[[], Device], conditioning: Conditioning, *, pairings: int, extinction: float
) -> Association:
    """Condition a device, and one fresh device for each control with as many trials.

    Parameters
    ----------
    make : function
        Makes a fresh device.
    pairings : int
    extinction : float, s
        Time after the pairings, with as many bells alone, evenly spread.
    """
    if pairings < 1:
        raise InvalidInputError(f"pairings must be at least 1: {pairings}.")
    device = make()
    before, paired = conditioning.response(device), []
    for _ in range(pairings):
        conditioning.trial(device, "paired")
        paired.append(conditioning.response(device))
    for _ in range(pairings):
        conditioning.trial(device, "bell")
        hold(device, conditioning.drives(False, False), extinction / pairings)
    extinguished, controls = conditioning.response(device), {}
    for kind in CONTROLS:
        control = make()
        for _ in range(pairings):
            conditioning.trial(control, kind)
        controls[kind] = conditioning.response(control)
    return Association(before, tuple(paired), controls, extinguished)
