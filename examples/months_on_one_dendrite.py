"""One dendrite for a month: a minute of uncaging on day 1, and what intrinsic dynamics leave of it."""

import numpy as np

from spinula import Dendrite, load_preset
from spinula.engines.dendrite import Uncaging

preset = load_preset("neocortex_adult")
places = np.arange(2.5, 50, 5.0)
dendrite = Dendrite(
    preset.dynamics,
    preset.mechanisms.model_copy(
        update={"potentiation": preset.mechanisms.potentiation.model_copy(update={"responders": 1.0})}
    ),
    seed=1,
    position_um=places,
    size=0.08,
    dendrites=200,
)
dendrite.schedule([Uncaging(kind="uncaging", at_day=1, spines=4, pulses=60, rate_hz=1, magnesium_free=True)])
print("day   stimulated   others  (mean size of those still there, um3)")
for snapshot in dendrite.run(np.array([0.0, 1.0, 1.002, 1.1, 2, 7, 14, 30]) * 86400):
    chosen, first = snapshot.spine_id == 4, snapshot.spine_id < len(places)
    print(f"{snapshot.day:6.3f}  {snapshot.size[chosen].mean():9.3f}  {snapshot.size[first & ~chosen].mean():9.3f}")
