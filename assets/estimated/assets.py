"""placeholder until the engine lands"""
def build(): return []
