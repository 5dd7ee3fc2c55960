"""How long the lab waits for what."""

CALL_TIMEOUT_S = 5.0  # for a driver's answer to a call that should not block
PATIENCE_S = 10.0  # how long a good session may take to get anywhere on a loaded machine
QUIET_S = 0.15  # after this long without a byte or a notification nothing more is expected to happen
PROVEN_S = 0.03  # the same where the operating system shows that both drivers sleep
PATIENT_QUIET_S = 1.0  # where all is expected to go well: a loaded machine must not look like a hang
PATIENT_PROVEN_S = 0.3  # the same where the operating system shows that both drivers sleep
POLL_S = 0.01  # between two questions to a driver whose answer has to change
RESOURCE_POLLS = 25
RESOURCE_POLL_S = 0.2
