"""Every named fail point, every fault, four reference workflows: judged by what was recorded."""
