package train

import "flag"

var rewrite = flag.Bool("rewrite", false, "write the golden files anew instead of comparing")
