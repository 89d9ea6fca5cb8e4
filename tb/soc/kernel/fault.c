#include "fault.h"

#include "console.h"
#include "handler.h"
#include "machine.h"

static uint32_t frames_given;

// Frames of the pool are handed out once. RAM begins as zeros, so a new frame is a page of zeros already.
static uint32_t new_frame(void)
{
    if (frames_given == boot.free_frames)
        panic("out of frames");
    return boot.free_frame + frames_given++;
}

static void copy_frame(uint32_t to, uint32_t from)
{
    for (uint32_t i = 0; i < 4096; i += 4)
        store32((to << 12) + i, load32((from << 12) + i));
}

static const struct region *region_of(uint32_t vpn)
{
    const struct boot_process *process = block.current->boot;
    const struct region *region = boot.region + process->first_region;
    for (uint32_t i = 0; i < process->regions; i++, region++)
        if (vpn - region->first_vpn < region->pages)
            return region;
    return 0;
}

static void invalidate(uint32_t vpn, uint32_t pte)
{
    set(INVALIDATE_VPN, vpn);
    set(INVALIDATE, block.current->asid | (pte & PTE_G ? INVALIDATE_ADDRESS : INVALIDATE_ADDRESS_IN_ASID) << 16);
}

// Repairs the fault if the region of the page allows the access; returns 0 if it does not.
static int repair(uint32_t vpn, uint32_t access, uint32_t pte, uint32_t place)
{
    const struct region *region = region_of(vpn);
    if (!region || !(region->rights & 1u << access) || !(region->rights & 8))
        return 0;
    uint32_t rights = PTE_V | PTE_U | (pte & PTE_G) | (region->rights & 7) << 1;
    if (region->kind == DEMAND_ZERO && !(pte & PTE_RWX)) {
        set_page(place, new_frame(), rights);
    } else if (region->kind == COPY_ON_WRITE && access == WRITE && !(pte & PTE_W)) {
        uint32_t frame = new_frame();
        copy_frame(frame, pte >> 12);
        set_page(place, frame, rights);
    } else if (!(pte & PTE_R << access)) {
        return 0;
    }
    invalidate(vpn, pte);
    return 1;
}

void page_fault(uint32_t cause, uint32_t value)
{
    uint32_t fetch = cause == 1;
    uint32_t info = boot.software ? block.info : get(fetch ? FETCH_INFO : DATA_INFO);
    uint32_t vpn = get(fetch ? FETCH_VPN : DATA_VPN);
    uint32_t access = info >> 16 & 3, fault = info >> 20 & 7;
    if (!(info >> 31))
        panic("a user access failed, and no record says why");
    uint32_t place, pte = pte_of(block.current->asid, vpn, &place);
    if (!(pte & PTE_V)) {
        // With hardware walks the record says the fault, with software refill this lookup does.
        give_up(cause, value, boot.software ? pte >> 1 : fault);
        return;
    }
    // The fast path leaves it to this lookup to refill what it found odd.
    if (boot.software && fault == NOT_PRESENT) {
        set(fetch ? REFILL_FETCH : REFILL_DATA, pte);
        return;
    }
    if (!repair(vpn, access, pte, place))
        give_up(cause, value, fault);
}

void give_up(uint32_t cause, uint32_t value, uint32_t fault)
{
    uint32_t *x = block.current->x;
    if (block.current->fault_handler) {
        x[10] = cause;
        x[11] = value;
        x[12] = x[0];
        x[13] = fault;
        x[0] = block.current->fault_handler;
        return;
    }
    print("segmentation fault: cause ");
    print_hex(cause);
    print(" address ");
    print_hex(value);
    print(" pc ");
    print_hex(x[0]);
    print(" fault ");
    print_hex(fault);
    print("\n");
    stop(SEGMENTATION_FAULT);
}
