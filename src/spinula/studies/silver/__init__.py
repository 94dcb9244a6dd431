"""What a device of silver islands remembers and learns; each protocol needs a device, or a function that makes one."""
