#include "try.h"

int faulted(uint32_t cause, uint32_t fault, uint32_t address)
{
    int right = fault_record.count == 1 && fault_record.cause == cause && fault_record.fault == fault
        && fault_record.address >> 12 == address >> 12;
    fault_record.count = 0;
    return right;
}

int not_faulted(void)
{
    int right = !fault_record.count;
    fault_record.count = 0;
    return right;
}
