"""Pure: what libvirt can be asked to do, in values that the domain makes and the gateway carries out."""
