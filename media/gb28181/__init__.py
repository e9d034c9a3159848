"""GB/T 28181-2022 (and 2016, 2011), the platform's side: cameras register, say what they have, send pictures, obey."""
