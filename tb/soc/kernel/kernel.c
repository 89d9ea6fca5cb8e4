// Boot, dispatch of traps, system calls, and the switch between processes.

#include "console.h"
#include "fault.h"
#include "handler.h"
#include "machine.h"

__attribute__((section(".block"))) struct block block;
static struct context contexts[2];

extern uint32_t vectors_software[], vectors_hardware[];

static void set_table(void)
{
    set(TABLE_FRAME, boot.table_frame);
    set(TABLE_MASK, boot.table_mask);
    set(ENTRIES_FRAME, boot.entries_frame);
    set(SEARCH_ENABLE, boot.search_enable);
    for (int i = 0; i < 4; i++)
        set(KEY + 4 * i, boot.key[i]);
    set(MODE, boot.software);
    block.table = boot.table_frame << 12;
    block.mask = boot.table_mask;
    block.max_steps = boot.max_steps;
}

static void start_timer(void)
{
    if (!boot.timer)
        return;
    set(MTIMECMP, get(MTIME) + boot.timer);
    set(TIMER_ENABLE, 1);
}

// Makes a process the running one.
static void run(struct context *context)
{
    block.current = context;
    set(ASID, context->asid);
    prepare_searches(context);
    start_timer();
}

static void switch_process(void)
{
    struct context *other = block.current == contexts ? contexts + 1 : contexts;
    if (other->running)
        run(other);
    else
        start_timer();
}

static void exit_process(uint32_t code)
{
    struct context *other = block.current == contexts ? contexts + 1 : contexts;
    block.current->running = 0;
    block.current->exit_code = code;
    if (other->running)
        run(other);
    else
        stop(contexts[0].exit_code ? contexts[0].exit_code : contexts[1].exit_code);
}

static void system_call(struct context *context)
{
    uint32_t *x = context->x;
    x[0] += 4;
    switch (x[17]) {
    case 0: exit_process(x[10]); break;
    case 1: set(CONSOLE, x[10] & 255); break;
    case 2: x[10] = get(MTIME); break;
    case 3: switch_process(); break;
    case 4: context->fault_handler = x[10]; break;
    default: panic("no such system call");
    }
}

void trap(uint32_t cause, uint32_t value)
{
    switch (cause) {
    case 0x80000007: switch_process(); break;
    case 8: system_call(block.current); break;
    case 1: case 5: case 7: page_fault(cause, value); break;
    default: give_up(cause, value, NO_FAULT);
    }
}

void kernel_start(void)
{
    if (boot.magic != BOOT_MAGIC)
        panic("no boot block");
    if (boot.format != handler_format)
        panic("the table has another format than the handler");
    if (boot.format != FORMAT_RADIX && boot.hash != HASH)
        panic("the table has another hash than the handler");
    if (boot.format != FORMAT_RADIX && HASH == HASH_KEYED && boot.table_mask > 0xffff)
        panic("the handler's hash has 16 bits, the table needs more");
    set_table();
    handler_start();
    for (uint32_t i = 0; i < boot.processes; i++) {
        struct context *context = contexts + i;
        context->boot = boot.process + i;
        context->asid = context->boot->asid;
        context->x[0] = context->boot->pc;
        context->x[2] = context->boot->sp;
        context->x[10] = i;     // main(number of the process)
        context->running = 1;
        prepare_process(i, context);
    }
    uint32_t vectors = (uint32_t)(boot.software ? vectors_software : vectors_hardware);
    __asm__ volatile("csrw mtvec, %0" ::"r"(vectors | 1));
    __asm__ volatile("csrs mie, %0" ::"r"(1 << 7));
    run(contexts);
}
