// Loads from a page whose entry `hashwalk soc run --damage` breaks, says which fault came, and goes on: the exit code is that
// of the fault, 0 if the page is whole.

#include "try.h"
#include "user.h"

volatile uint32_t damaged[1024] __attribute__((aligned(4096))) = {7};

static const char *const names[] = {"whole", "not_present", "rights", "malformed", "chain_too_long", "bus_error"};

int main(void)
{
    catch_faults();
    uint32_t word = try_load((uint32_t)damaged);
    uint32_t fault = fault_record.count ? fault_record.fault : 0;
    if (fault >= sizeof names / sizeof names[0] || (!fault && word != 7))
        return report("broken_page", 0);
    print("broken_page: ");
    print(names[fault]);
    print("\n");
    return fault;
}
