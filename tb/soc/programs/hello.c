#include "user.h"

int main(void)
{
    print("hello\n");
    return 0;
}
