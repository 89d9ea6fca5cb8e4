// Gives up at once.
    .text
    .global miss
miss:
    j fault
