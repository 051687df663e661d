package segment

// Seal is seal, for a fuzz test that makes bodies of its own.
var Seal = seal
