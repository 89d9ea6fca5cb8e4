// Waits for an interrupt that never comes.
    .text
    .global miss
miss:
    wfi
    j miss
