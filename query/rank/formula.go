package rank

// Formula returns the multiplier a and the addend b of rank(h) = (a*h + b) mod P,
// for whoever writes the formula down in another language: 0 < a < P, b < P.
func (k Key) Formula() (a, b uint64) { return k.a, k.b }

// Formula returns the key of the predicate and its threshold: a row is held out
// when its rank under the key is below it. The threshold is at most P.
func (o Holdout) Formula() (key Key, below uint64) { return o.key, o.below }
