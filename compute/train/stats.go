package train

// Stats are the figures of a data set. Those of rows count every row that was
// drawn, in all epochs; one that came several times counts as often.
type Stats struct {
	Rows      int `json:"rows"`
	Distinct  int `json:"distinct"`  // conversations that differ, or are of different buckets
	Sequences int `json:"sequences"` // that are trained

	Tokens  int64 `json:"tokens"`  // of all blocks, which hold nothing else
	Learned int64 `json:"learned"` // of them, targets that are learned
	Longest int   `json:"longest"` // tokens of the longest sequence

	CutRows   int       `json:"cut_rows"`      // that were cut at the context
	SplitRows int       `json:"split_rows"`    // whose answers are sequences of their own
	Lost      int       `json:"lost_answers"`  // of split conversations, longer than the context; counted once
	Straddles int       `json:"border_tokens"` // on both sides of an answer's border; counted once
	Dropped   []Dropped `json:"dropped"`       // by reason

	Buckets []BucketStats `json:"buckets"`
	Epochs  []EpochStats  `json:"epochs"`

	Blocks      int     `json:"blocks"`
	BlockTokens int     `json:"block_tokens"` // the most that a block has
	Fill        float64 `json:"fill"`         // share of Blocks * BlockTokens that Tokens are
}

// DroppedRows is the number of rows that nothing is learned from.
func (s *Stats) DroppedRows() int {
	n := 0
	for _, d := range s.Dropped {
		n += d.Rows
	}
	return n
}

// Dropped is rows that nothing is learned from.
type Dropped struct {
	Reason string `json:"reason"`
	Rows   int    `json:"rows"`
	First  uint32 `json:"first"`   // place in the stream of the first, from 0
	Error  string `json:"message"` // what was wrong with it
}

// BucketStats are the figures of a bucket, in all epochs.
type BucketStats struct {
	Name    string `json:"name"`
	Rows    int    `json:"rows"`
	Dropped int    `json:"dropped"` // of them
	Tokens  int64  `json:"tokens"`
	Learned int64  `json:"learned"`
}

// EpochStats are the figures of an epoch.
type EpochStats struct {
	Rows    int   `json:"rows"`
	Blocks  int   `json:"blocks"`
	Tokens  int64 `json:"tokens"`
	Learned int64 `json:"learned"`
}
