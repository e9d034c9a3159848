"""The smallest module there can be: the contract tests run over it whatever modules are installed."""
