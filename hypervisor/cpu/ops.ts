// Numbers of decoded operations: what a slot of cpu/code.ts says. Dense, so that the interpreter's switch is one jump table.
// C_ stands for the 16-bit form of the same operation: the distance to the next slot is a constant in each case.

// Not an instruction of the guest
/** The slot is empty: decode it. */
export const OP_DECODE = 0;
/** Execute by cpu/step.ts. */
export const OP_STEP = 1;
/** Behind the last slot: go on at the next page. */
export const OP_PAGE_END = 2;
/** A 32-bit instruction whose second half lies on the next page. */
export const OP_CROSS = 3;

// Nothing happens (hints, fences, results for x0)
export const OP_NOP = 4;
export const OP_C_NOP = 5;

// Constants
/** Rd = immediate. */
export const OP_LI = 6;
export const OP_C_LI = 7;
export const OP_AUIPC = 8;

// Register and immediate
export const OP_ADDI = 9;
export const OP_C_ADDI = 10;
export const OP_SLTI = 11;
export const OP_SLTIU = 12;
export const OP_XORI = 13;
export const OP_ORI = 14;
export const OP_ANDI = 15;
export const OP_C_ANDI = 16;
export const OP_SLLI = 17;
export const OP_C_SLLI = 18;
export const OP_SRLI = 19;
export const OP_C_SRLI = 20;
export const OP_SRAI = 21;
export const OP_C_SRAI = 22;
export const OP_ADDIW = 23;
export const OP_C_ADDIW = 24;
export const OP_SLLIW = 25;
export const OP_SRLIW = 26;
export const OP_SRAIW = 27;

// Register and register
export const OP_MV = 28;
export const OP_C_MV = 29;
export const OP_ADD = 30;
export const OP_C_ADD = 31;
export const OP_SUB = 32;
export const OP_C_SUB = 33;
export const OP_SLL = 34;
export const OP_SLT = 35;
export const OP_SLTU = 36;
export const OP_XOR = 37;
export const OP_C_XOR = 38;
export const OP_SRL = 39;
export const OP_SRA = 40;
export const OP_OR = 41;
export const OP_C_OR = 42;
export const OP_AND = 43;
export const OP_C_AND = 44;
export const OP_ADDW = 45;
export const OP_C_ADDW = 46;
export const OP_SUBW = 47;
export const OP_C_SUBW = 48;
export const OP_SLLW = 49;
export const OP_SRLW = 50;
export const OP_SRAW = 51;

// M
export const OP_MUL = 52;
export const OP_MULH = 53;
export const OP_MULHSU = 54;
export const OP_MULHU = 55;
export const OP_DIV = 56;
export const OP_DIVU = 57;
export const OP_REM = 58;
export const OP_REMU = 59;
export const OP_MULW = 60;
export const OP_DIVW = 61;
export const OP_DIVUW = 62;
export const OP_REMW = 63;
export const OP_REMUW = 64;

// Zba
export const OP_ADD_UW = 65;
export const OP_SH1ADD = 66;
export const OP_SH2ADD = 67;
export const OP_SH3ADD = 68;
export const OP_SH1ADD_UW = 69;
export const OP_SH2ADD_UW = 70;
export const OP_SH3ADD_UW = 71;
export const OP_SLLI_UW = 72;

// Zbb
export const OP_ANDN = 73;
export const OP_ORN = 74;
export const OP_XNOR = 75;
export const OP_CLZ = 76;
export const OP_CLZW = 77;
export const OP_CTZ = 78;
export const OP_CTZW = 79;
export const OP_CPOP = 80;
export const OP_CPOPW = 81;
export const OP_MAX = 82;
export const OP_MAXU = 83;
export const OP_MIN = 84;
export const OP_MINU = 85;
export const OP_SEXT_B = 86;
export const OP_SEXT_H = 87;
export const OP_ZEXT_H = 88;
export const OP_ROL = 89;
export const OP_ROLW = 90;
export const OP_ROR = 91;
export const OP_RORW = 92;
export const OP_RORI = 93;
export const OP_RORIW = 94;
export const OP_ORC_B = 95;
export const OP_REV8 = 96;

// Zbs
export const OP_BSET = 97;
export const OP_BSETI = 98;
export const OP_BCLR = 99;
export const OP_BCLRI = 100;
export const OP_BINV = 101;
export const OP_BINVI = 102;
export const OP_BEXT = 103;
export const OP_BEXTI = 104;

// Zicond
export const OP_CZERO_EQZ = 105;
export const OP_CZERO_NEZ = 106;

// Loads and stores
export const OP_LB = 107;
export const OP_LH = 108;
export const OP_LW = 109;
export const OP_LD = 110;
export const OP_LBU = 111;
export const OP_LHU = 112;
export const OP_LWU = 113;
export const OP_C_LW = 114;
export const OP_C_LD = 115;
export const OP_SB = 116;
export const OP_SH = 117;
export const OP_SW = 118;
export const OP_SD = 119;
export const OP_C_SW = 120;
export const OP_C_SD = 121;
export const OP_FLW = 122;
export const OP_FLD = 123;
export const OP_C_FLD = 124;
export const OP_FSW = 125;
export const OP_FSD = 126;
export const OP_C_FSD = 127;

// Branches and jumps inside the page: immediate is the distance between the slots
export const OP_BEQ = 128;
export const OP_BNE = 129;
export const OP_BLT = 130;
export const OP_BGE = 131;
export const OP_BLTU = 132;
export const OP_BGEU = 133;
export const OP_C_BEQ = 134;
export const OP_C_BNE = 135;
export const OP_JAL = 136;
export const OP_J = 137;
export const OP_C_J = 138;

// Branches and jumps that leave the page: immediate is the distance in bytes
export const OP_FAR_BEQ = 139;
export const OP_FAR_BNE = 140;
export const OP_FAR_BLT = 141;
export const OP_FAR_BGE = 142;
export const OP_FAR_BLTU = 143;
export const OP_FAR_BGEU = 144;
export const OP_FAR_C_BEQ = 145;
export const OP_FAR_C_BNE = 146;
export const OP_FAR_JAL = 147;
export const OP_FAR_J = 148;
export const OP_FAR_C_J = 149;
export const OP_JALR = 150;
export const OP_JR = 151;
export const OP_C_JALR = 152;
export const OP_C_JR = 153;

// F and D with dynamic rounding, where the result shows that no flag can change
export const OP_FADD_D = 154;
export const OP_FSUB_D = 155;
export const OP_FMUL_D = 156;
export const OP_FDIV_D = 157;
export const OP_FSQRT_D = 158;
export const OP_FADD_S = 159;
export const OP_FSUB_S = 160;
export const OP_FMUL_S = 161;
export const OP_FDIV_S = 162;
export const OP_FSQRT_S = 163;

// F and D, exact
export const OP_FSGNJ_D = 164;
export const OP_FSGNJN_D = 165;
export const OP_FSGNJX_D = 166;
export const OP_FEQ_D = 167;
export const OP_FLT_D = 168;
export const OP_FLE_D = 169;
export const OP_FEQ_S = 170;
export const OP_FLT_S = 171;
export const OP_FLE_S = 172;
export const OP_FSGNJ_S = 173;
export const OP_FSGNJN_S = 174;
export const OP_FSGNJX_S = 175;
export const OP_FMV_X_D = 176;
export const OP_FMV_D_X = 177;
export const OP_FMV_X_W = 178;
export const OP_FMV_W_X = 179;

// F and D, conversions
export const OP_FCVT_D_W = 180;
export const OP_FCVT_D_L = 181;
/** Rounds to zero. */
export const OP_FCVT_W_D = 182;
/** Rounds to zero. */
export const OP_FCVT_L_D = 183;
export const OP_FCVT_D_S = 184;
export const OP_FCVT_S_D = 185;

// Pairs, named after the bytes of both (cpu/fuse.ts): the slot of the second stays as it is, for who jumps there
export const OP_LD_LD_4 = 186;
export const OP_LD_LD_6 = 187;
export const OP_LD_LD_8 = 188;
export const OP_SD_SD_4 = 189;
export const OP_SD_SD_6 = 190;
export const OP_SD_SD_8 = 191;
/** Auipc and jalr with one destination. */
export const OP_CALL = 192;

// A, where the page is at hand: the instructions that locks and counters are made of
export const OP_LR_W = 193;
export const OP_LR_D = 194;
export const OP_SC_W = 195;
export const OP_SC_D = 196;
export const OP_AMOADD_W = 197;
export const OP_AMOADD_D = 198;
export const OP_AMOSWAP_W = 199;
export const OP_AMOSWAP_D = 200;
export const OP_AMOOR_D = 201;
export const OP_AMOAND_D = 202;

// An operation and the near branch behind it, in the order of OP_BEQ … OP_BGEU where there are several
export const OP_ADDI_BEQ = 203;
export const OP_ADDI_BNE = 204;
export const OP_ADDI_BLT = 205;
export const OP_ADDI_BGE = 206;
export const OP_ADDI_BLTU = 207;
export const OP_ADDI_BGEU = 208;
export const OP_ADDIW_BEQ = 209;
export const OP_ADDIW_BNE = 210;
export const OP_ADDIW_BLT = 211;
export const OP_ADDIW_BGE = 212;
export const OP_ADDIW_BLTU = 213;
export const OP_ADDIW_BGEU = 214;
export const OP_LI_BEQ = 215;
export const OP_LI_BNE = 216;
export const OP_ANDI_BEQ = 217;
export const OP_ANDI_BNE = 218;
/** Sext.w, that is addiw with 0, and the branch behind it. */
export const OP_SEXT_BEQ = 221;
export const OP_SEXT_BNE = 222;
export const OP_SEXT_BLT = 223;
export const OP_SEXT_BGE = 224;
export const OP_SEXT_BLTU = 225;
export const OP_SEXT_BGEU = 226;

// Two operations on registers alone
export const OP_MV_MV = 219;
/** Auipc and addi with one destination. */
export const OP_ADDRESS = 220;
/** Each in place. */
export const OP_ADDI_ADDI = 227;
/** A product, and an addition of it to a register. */
export const OP_MULW_ADDW = 228;
export const OP_MUL_ADD = 229;

/** Translated code begins here: the immediate is the region's number (cpu/regions.ts). */
export const OP_REGION = 230;

// Of concern only where the guest has several harts, else nothing happens
/** Fence. */
export const OP_FENCE = 231;
/** Fence.i and pause: executed by cpu/step.ts. */
export const OP_HINT = 232;
