"""What neuromodulators do to a spine that has just been paired: dopamine bursts and dips, noradrenaline, serotonin."""
