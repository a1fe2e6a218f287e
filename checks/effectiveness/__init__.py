"""1 Effectiveness: does the system meet its objective, its contract, and is it better than doing without?"""
