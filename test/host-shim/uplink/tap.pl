# Makes a tap device, configures it, and carries its frames over stdin and stdout: u32 length, virtio_net_hdr, frame.
#
# Runs as the root of a network namespace of its own: unshare --map-root-user --net perl tap.pl COMMANDS

use strict;
use warnings;
use Fcntl;

use constant {
    TUNSETIFF       => 0x400454ca,
    TUNSETOFFLOAD   => 0x400454d0,
    TUNSETVNETHDRSZ => 0x400454d8,
    IFF_TAP         => 0x0002,
    IFF_NO_PI       => 0x1000,
    IFF_VNET_HDR    => 0x4000,
    # Sums may be missing, TCP of both families may be as long as 64 KiB, also with ECN.
    OFFLOADS        => 15,
};

$| = 1;
sysopen(my $tap, '/dev/net/tun', O_RDWR) or die "no tap device: $!\n";
# Perl hands structures over in variables, which the call may change, and plain numbers as they are.
my $interface  = pack('a16 S x22', 'tap0', IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
my $headerSize = pack('i', 12);
my $offloads   = OFFLOADS;
ioctl($tap, TUNSETIFF, $interface)        or die "TUNSETIFF: $!\n";
ioctl($tap, TUNSETVNETHDRSZ, $headerSize) or die "TUNSETVNETHDRSZ: $!\n";
ioctl($tap, TUNSETOFFLOAD, $offloads)     or die "TUNSETOFFLOAD: $!\n";
for my $command (@ARGV) {
    system($command . ' >&2') == 0 or die "failed: $command\n";
}
print STDERR "ready\n";

my ($pending, $readable, $frame) = ('', '', '');
my ($fromHost, $fromTap) = (fileno(STDIN), fileno($tap));
while (1) {
    $readable = '';
    vec($readable, $fromHost, 1) = 1;
    vec($readable, $fromTap,  1) = 1;
    next if select($readable, undef, undef, undef) < 0;
    if (vec($readable, $fromTap, 1)) {
        my $length = sysread($tap, $frame, 70000);
        if ($length) {
            my $all = pack('N', $length) . $frame;
            my $at = 0;
            while ($at < length $all) {
                my $written = syswrite(STDOUT, $all, length($all) - $at, $at);
                exit unless defined $written;
                $at += $written;
            }
        }
    }
    next unless vec($readable, $fromHost, 1);
    exit unless sysread(STDIN, $pending, 1 << 20, length $pending);
    my $at = 0;
    while (length($pending) - $at >= 4) {
        my $length = unpack('N', substr($pending, $at, 4));
        last if length($pending) - $at < 4 + $length;
        # A frame that the device refuses is lost, as on a wire.
        syswrite($tap, $pending, $length, $at + 4);
        $at += 4 + $length;
    }
    substr($pending, 0, $at) = '';
}
